"""The SBOM: what is linked into the executable, in CycloneDX 1.6, for scanners.

Each component has the distribution's name (a package URL, by which a scanner finds which vulnerabilities Debian has
fixed) and the upstream name (a CPE, which does not account for Debian's patches). The same buildinfo gives the same
bytes.
"""

from __future__ import annotations

import uuid
from pathlib import Path

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import ExternalReference, ExternalReferenceType, HashAlgorithm, HashType, Property, XsUri
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.contact import OrganizationalEntity
from cyclonedx.model.lifecycle import LifecyclePhase, PredefinedLifecycle
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

from release.buildinfo import Buildinfo, Linked, read

# Vendor and product, as vulnerabilities are filed under them.
CPE = {
    "CPython": "python:python",
    "GCC runtime library": "gnu:gcc",
    "glibc": "gnu:glibc",
    "OpenSSL": "openssl:openssl",
    "zlib": "zlib:zlib",
    "Zstandard": "facebook:zstandard",
}
DEBIAN = OrganizationalEntity(name="Debian", urls=[XsUri("https://www.debian.org/")])
# The serial number is a function of the executable.
NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "https://www.iana.org/assignments/named-information/sha-256")


def write(buildinfo: Path, to: Path) -> None:
    """Writes the SBOM of the executable that a buildinfo describes. Raises ValueError for another file."""
    made = read(buildinfo)
    executable = _executable(made, buildinfo.name)
    libraries = [_library(part, made) for part in made.linked]
    bom = Bom(
        serial_number=uuid.uuid5(NAMESPACE, made.sha256),
        metadata=BomMetaData(
            component=executable, timestamp=made.date, lifecycles=[PredefinedLifecycle(LifecyclePhase.BUILD)]
        ),
        components=libraries,
    )
    bom.register_dependency(executable, libraries)
    new = to.with_name(f"{to.name}.new")
    new.write_text(JsonV1Dot6(bom).output_as_string(indent=2) + "\n")
    new.replace(to)


def _executable(made: Buildinfo, buildinfo: str) -> Component:
    return Component(
        type=ComponentType.APPLICATION,
        name=made.name,
        version=made.version,
        bom_ref=made.executable,
        licenses=[LicenseFactory().make_with_expression("Apache-2.0")],
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=made.sha256)],
        purl=PackageURL(
            "generic",
            name=made.name,
            version=made.version,
            qualifiers={"checksum": f"sha256:{made.sha256}", "file_name": made.executable},
        ),
        external_references=[ExternalReference(type=ExternalReferenceType.BUILD_META, url=XsUri(buildinfo))],
        properties=[_property("commit", made.commit), _property("size", str(made.size))],
    )


def _library(part: Linked, made: Buildinfo) -> Component:
    purl = PackageURL(
        "deb",
        made.distribution,
        part.source,
        part.version,
        {"arch": "source", "distro": f"{made.distribution}-{made.release}"},
    )
    taken = [f"{archive} ({members})" for archive, members in part.archives.items()]
    return Component(
        type=ComponentType.LIBRARY,
        name=part.source,
        description=f"{part.name} {part.upstream}, linked in statically; Debian's patches are in it",
        version=part.version,
        bom_ref=purl.to_string(),
        purl=purl,
        cpe=f"cpe:2.3:a:{CPE[part.name]}:{part.upstream}:*:*:*:*:*:*:*",
        supplier=DEBIAN,
        licenses=[LicenseFactory().make_with_expression(part.licence)],
        external_references=[
            ExternalReference(
                type=ExternalReferenceType.SOURCE_DISTRIBUTION,
                url=XsUri(f"https://snapshot.debian.org/package/{part.source}/{part.version}/"),
            )
        ],
        properties=[_property("taken", one) for one in taken]
        + [_property("package", package) for package in part.packages],
    )


def _property(name: str, value: str) -> Property:
    return Property(name=f"tfs_model_status_probe:{name}", value=value)
