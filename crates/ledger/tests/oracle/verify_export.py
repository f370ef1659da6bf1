"""Verifies an export of a ledger by docs/spec/ledger.md alone, without a line of serin's.

Reads an export from the standard input. Prints how many events and pieces of evidence it holds, and the link
of the last event; fails on the first thing that is not as it was appended. Needs nothing but Python 3.9.
"""

import base64
import hashlib
import json
import sys
import uuid


def sha256(data):
    return hashlib.sha256(data).digest()


def canonical(header):
    return json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()


def body_text(line):
    """Returns the text of the body as it stands in the line: between `"body":` and the link."""
    start = line.index('},"body":') + len('},"body":')
    return line[start : line.rindex(',"link":"')].encode()


def main():
    link, position, evidence, first = bytes(32), 0, set(), None
    for line in sys.stdin:
        kind, thing = next(iter(json.loads(line).items()))
        if kind == "ledger":
            first = thing
            assert thing["format"] == 1
        elif kind == "evidence":
            evidence.add(thing["sha256"])
            if "base64" in thing:
                data = base64.b64decode(thing["base64"], validate=True)
                assert sha256(data).hex() == thing["sha256"], thing["sha256"]
                assert len(data) == thing["size"], thing["sha256"]
        elif kind == "event":
            position += 1
            assert thing["position"] == position, position
            if "body" in thing:
                body = sha256(body_text(line))
            else:
                body = bytes.fromhex(thing["body_sha256"])
            content = sha256(canonical(thing["header"]) + b"\n" + body)
            moment = thing["known_at"].to_bytes(8, "big", signed=True)
            link = sha256(link + uuid.UUID(thing["id"]).bytes + moment + content)
            assert link.hex() == thing["link"], position
            assert evidence.issuperset(thing["header"]["evidence"]), position
        else:
            assert (kind, thing) == ("end", {"events": position, "evidence": len(evidence)})
            assert (first["position"], first["link"]) == (position, link.hex())
            print(position, len(evidence), link.hex())
            return
    raise AssertionError("it breaks off")


main()
