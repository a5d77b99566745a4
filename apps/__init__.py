"""The apps that show the reader to others: a web app and a data app."""
