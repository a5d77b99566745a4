"""The web app: a server that reads digits, and a page to draw them on."""
