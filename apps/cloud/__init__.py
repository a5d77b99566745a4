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
