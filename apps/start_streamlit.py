"""Start the data app with the options of `streamlit run`, as `make streamlit` does."""

import sys
from pathlib import Path

from streamlit import net_util
from streamlit.web import cli


def main():
    """Serve the app to this machine, and ask no other machine for anything."""
    # Before Streamlit refuses a page of another site, it would ask a server on the internet for our address.
    net_util.get_external_ip = net_util.get_internal_ip = lambda: None
    app = Path(__file__).with_name("streamlit_app.py")
    cli.main(["run", str(app), *sys.argv[1:]], prog_name="streamlit")


if __name__ == "__main__":
    main()
