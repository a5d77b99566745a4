"""Read digits with Google's, Amazon's, and Microsoft's services: one file per service, and one for what they share.

A service's own SDK is imported when its reader is created, so importing this package imports none of them.
"""

from apps.cloud.amazon import AmazonReader
from apps.cloud.azure import AzureReader
from apps.cloud.google import GoogleReader
from apps.cloud.reader import LOOKALIKES, CloudError, digit_from_text, to_service_form

__all__ = [
    "AZURE_RETIRES",
    "LOOKALIKES",
    "PRICES",
    "READERS",
    "AmazonReader",
    "AzureReader",
    "CloudError",
    "GoogleReader",
    "digit_from_text",
    "has_credentials",
    "to_service_form",
]

READERS = {"google": GoogleReader, "amazon": AmazonReader, "azure": AzureReader}

# Dollars for 1,000 pictures once the free ones are used up (less from a million on), and free pictures a month.
# These are list prices, noted on the date given and not looked up live: they differ by region, and they change.
PRICES = {
    "google": {
        "per_1000": 1.50,
        "free": 1_000,
        "date": "2026-11-27",
        "source": "list price of document text detection; check cloud.google.com/vision/pricing",
    },
    "amazon": {
        "per_1000": 1.00,
        "free": 1_000,
        "date": "2026-11-27",
        "source": "list price of DetectText (group 2), free in the first year only; "
        "check aws.amazon.com/rekognition/pricing",
    },
    "azure": {
        "per_1000": 1.50,
        "free": 5_000,
        "date": "2026-11-27",
        "source": "list price of Read in tier S1, not confirmed when it was noted, and free in tier F0 only; "
        "check azure.microsoft.com/pricing/details/cognitive-services/computer-vision",
    },
}
# From learn.microsoft.com, "Image Analysis SDK Overview"; calls fail from this date on.
AZURE_RETIRES = "2028-09-25"


def has_credentials(service: str) -> bool:
    """Return whether the environment, or the files of the service's own tool, hold credentials.

    `service` is "google", "amazon", or "azure". Nothing is sent over the network, so only the service itself can tell
    whether the credentials are valid. A machine in the cloud could also ask a local address for its credentials, but
    anywhere else that would cost seconds, so we don't.
    """
    if service not in READERS:
        raise ValueError(f"expected a service out of {', '.join(READERS)}, got {service!r}")
    return READERS[service].has_credentials()
