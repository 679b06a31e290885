"""Counts what Python's csv module reads of the real files, for RealTableTests; no cell of them is kept.

python3 count_real_data.py FOLDER > real_data_counts.json     (Python's standard library only)
"""

import csv
import gzip
import io
import json
import pathlib
import sys
import zlib

FILES = [
    "womens_clothing/womens_clothing_no_text.csv",
    "womens_clothing/reviews_with_text.csv.gz",
    "marketing_campaign/marketing_data.csv",
]


def count(path):
    content = path.read_bytes()
    if path.suffix == ".gz":
        content = gzip.decompress(content)
    header, *rows = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""))
    columns = []
    for index, name in enumerate(header):
        cells = [row[index] for row in rows]
        filled = [cell for cell in cells if cell.strip()]
        try:
            total = sum(float(cell.replace("$", "").replace(",", "")) for cell in filled)
        except ValueError:
            total = None
        columns.append(
            {
                "name": name,
                "missing": len(cells) - len(filled),
                "crc32": zlib.crc32("".join(cell + "\x1f" for cell in cells).encode()),
                "sum": total,
            }
        )
    return {"rows": len(rows), "columns": columns}


folder = pathlib.Path(sys.argv[1])
json.dump({name: count(folder / name) for name in FILES}, sys.stdout, indent=1)
print()
