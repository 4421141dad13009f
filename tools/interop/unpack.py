"""Extracts files from archives and writes them, one after the other, to one file.

    python tools/interop/unpack.py TARGET ARCHIVE PATH [ARCHIVE PATH ...]

Reads wheels, .tgz, .tar.gz, and with dpkg-deb Debian's packages. An absent PATH ends with exit 1 and names what is there.
"""

import io
import shutil
import subprocess
import sys
import tarfile
import zipfile


def opened(archive, path):
    if archive.endswith((".whl", ".zip")):
        return zipfile.ZipFile(archive).open(path)
    if archive.endswith(".deb"):
        content = subprocess.run(["dpkg-deb", "--fsys-tarfile", archive], check=True, capture_output=True).stdout
        return tarfile.open(fileobj=io.BytesIO(content)).extractfile(path)
    return tarfile.open(archive).extractfile(path)


def main():
    target, *pairs = sys.argv[1:]
    partial = f"{target}.partial"
    with open(partial, "wb") as output:
        for archive, path in zip(pairs[::2], pairs[1::2]):
            with opened(archive, path) as source:
                shutil.copyfileobj(source, output)
    shutil.move(partial, target)


main()
