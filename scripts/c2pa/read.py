"""Signed exports as c2pa-python reads them: read.py ROOT.pem FILE...

Each is valid but for its unknown signer, trusted where the authority is known, and no more what it was when one byte of its pixels is another.
"""

import io
import json
import sys

import c2pa

TYPES = {"jpg": "image/jpeg", "png": "image/png", "webp": "image/webp"}


def read(kind, data, anchors=None):
    """The state, the codes of what failed, and the manifest."""
    settings = {"verify": {"verify_trust": True}}
    if anchors:
        settings["trust"] = {"trust_anchors": anchors}
    with c2pa.Context(c2pa.Settings.from_dict(settings)) as context:
        with c2pa.Reader(kind, io.BytesIO(data), context=context) as reader:
            told = json.loads(reader.json())
    failed = {one["code"] for one in told["validation_results"]["activeManifest"]["failure"]}
    return told["validation_state"], failed, told["manifests"][told["active_manifest"]]


def main(root, paths):
    with open(root, encoding="ascii") as file:
        anchors = file.read()
    labels = set()
    for path in paths:
        kind = TYPES[path.rsplit(".", 1)[1]]
        with open(path, "rb") as file:
            data = file.read()
        state, failed, manifest = read(kind, data)
        assert failed == {"signingCredential.untrusted"}, (path, state, failed)
        state, failed, _ = read(kind, data, anchors)
        assert (state, failed) == ("Trusted", set()), (path, state, failed)
        # The middle of a file is pixels, whatever its format.
        other = bytearray(data)
        other[len(other) // 2] ^= 1
        state, failed, _ = read(kind, bytes(other), anchors)
        assert state == "Invalid" and failed == {"assertion.dataHash.mismatch"}, (path, state, failed)
        actions = next(one for one in manifest["assertions"] if one["label"].startswith("c2pa.actions"))["data"]["actions"]
        assert actions[0]["action"] == "c2pa.created", actions
        assert actions[0]["digitalSourceType"].endswith("/trainedAlgorithmicMedia"), actions
        assert b"secret" not in data, path
        labels.add(manifest["label"])
        print(f"   {path.rsplit('/', 1)[1]}: {manifest['label']}, {', '.join(one['action'] for one in actions)}")
    assert len(labels) == len(paths), "two exports have one manifest"


main(sys.argv[1], sys.argv[2:])
