"""The archives of a release. The same program results in the same bytes: an archive contains neither times nor users."""

import gzip
import io
import tarfile
import zipfile

# The first time that a zip can represent, as in the packages of `cargo local package`, and the same in a tar.
TIME = (1980, 1, 1, 0, 0, 0)
TIMESTAMP = 315_532_800
# Level 9 takes twice the time and saves less than one percent.
LEVEL = 6


def zip_archive(members):
    """The bytes of a zip. `members` are triples of name, mode and content."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED, compresslevel=LEVEL) as archive:
        for name, mode, content in sorted(members):
            entry = zipfile.ZipInfo(name, TIME)
            # Of Unix on every system, since the mode is read only then.
            entry.create_system, entry.external_attr, entry.compress_type = 3, (0o100000 | mode) << 16, zipfile.ZIP_DEFLATED
            archive.writestr(entry, content)
    return data.getvalue()


def tar_archive(members):
    """The bytes of a gzipped tar. `members` are triples of name, mode and content."""
    data = io.BytesIO()
    with gzip.GzipFile(filename="", fileobj=data, mode="wb", compresslevel=LEVEL, mtime=0) as compressed, \
            tarfile.open(fileobj=compressed, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, mode, content in sorted(members):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode, entry.mtime = len(content), mode, TIMESTAMP
            archive.addfile(entry, io.BytesIO(content))
    return data.getvalue()
