"""What the simulated provider offers: sizes, data centres, operating systems."""

from .model import CONTROL_PANEL, OPERATING_SYSTEM, Offering, Server, Template
from .seeded import password

OFFERINGS = (
    Offering("S", cores=1, memory_mb=1024, storage_gb=40, price=4.7),
    Offering("M", cores=2, memory_mb=2048, storage_gb=60, price=8.99),
    Offering("L", cores=4, memory_mb=8192, storage_gb=120, price=21.5),
    Offering("XL", cores=8, memory_mb=16384, storage_gb=240, price=41.9),
)

# Each with the currency its contracts are billed in.
DATA_CENTRES = (
    ("AMS-01", "EUR"),
    ("AMS-02", "EUR"),
    ("FRA-10", "EUR"),
    ("LON-01", "GBP"),
    ("WDC-02", "USD"),
    ("SFO-12", "USD"),
    ("SIN-01", "USD"),
)

SLAS = ("Bronze", "Bronze", "Bronze", "Silver", "Gold")

TEMPLATES = (
    Template("ALMALINUX_8_64", "AlmaLinux 8 (64-bit)", "AlmaLinux 8", "20240611T0912"),
    Template("ALMALINUX_9_64", "AlmaLinux 9 (64-bit)", "AlmaLinux 9", "20250203T1015"),
    Template("CENTOS_7_64", "CentOS 7 (64-bit)", "CentOS 7", "20220117T1039"),
    Template("CENTOS_7_64_PLESK", "CentOS 7 (64-bit) Plesk", "CentOS 7 Plesk", "20220117T1051", panel=True),
    Template(
        "CENTOS_7_64_CPANEL", "CentOS 7 (64-bit) cPanel", "CentOS 7 cPanel", "20220117T1058", panel=True
    ),
    Template("DEBIAN_11_64", "Debian 11 (64-bit)", "Debian 11", "20231009T0821"),
    Template("DEBIAN_12_64", "Debian 12 (64-bit)", "Debian 12", "20250120T0830"),
    Template("FREEBSD_13_64", "FreeBSD 13 (64-bit)", "FreeBSD 13", "20230425T1402"),
    Template("ROCKY_9_64", "Rocky Linux 9 (64-bit)", "Rocky Linux 9", "20250203T1107"),
    Template("UBUNTU_20_04_64", "Ubuntu 20.04 (64-bit)", "Ubuntu 20.04", "20230918T1310"),
    Template("UBUNTU_22_04_64", "Ubuntu 22.04 (64-bit)", "Ubuntu 22.04", "20240826T1322"),
    Template("UBUNTU_24_04_64", "Ubuntu 24.04 (64-bit)", "Ubuntu 24.04", "20250303T1340"),
    Template(
        "WINDOWS_SERVER_2019_STANDARD_64",
        "Windows Server 2019 Standard (64-bit)",
        "Windows Server 2019 Standard",
        "20231114T0700",
        username="Administrator",
        least_memory_mb=2048,
    ),
    Template(
        "WINDOWS_SERVER_2022_STANDARD_64",
        "Windows Server 2022 Standard (64-bit)",
        "Windows Server 2022 Standard",
        "20241112T0700",
        username="Administrator",
        least_memory_mb=2048,
    ),
)

# Labels of machines that were installed long ago: nothing in today's list of templates matches them.
OLD_LABELS = (
    "Ubuntu 14.04 64 {} 20140707T1340",
    "CentOS 7.0 64 {} 20140711T1039",
    "Debian 8 64 {} 20160412T1205",
)


def templates_for(server: Server) -> list[Template]:
    """What can be installed on this server, given its memory."""
    return [each for each in TEMPLATES if each.least_memory_mb <= server.offering.memory_mb]


def install(server: Server, template: Template) -> None:
    """Puts `template` on the server: its label changes, and so does every password."""
    server.installs += 1
    server.template = template.label_for(storage_gb=server.offering.storage_gb)
    secret = password("root password", server.id, server.installs)
    server.credentials = {(OPERATING_SYSTEM, template.username): secret}
    if template.panel:
        secret = password("panel password", server.id, server.installs)
        server.credentials[(CONTROL_PANEL, "admin")] = secret
