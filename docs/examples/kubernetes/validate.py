"""validate.py FILE...: prints the documents as JSON after a strict look at each: one document is one
object, no key twice, and what its kind's schema of Kubernetes says, unknown fields refused.
Runs in the virtual environment that build.sh makes."""

import json
import sys

import kubernetes_validate
import yaml

KUBERNETES = "1.30"  # an old release that is still around: what it takes, later ones take


class Strict(yaml.SafeLoader):
    """YAML without repeated keys."""

    def construct_mapping(self, node, deep=False):
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        if len(keys) != len(set(keys)):
            raise yaml.constructor.ConstructorError(None, None, "a key stands twice", node.start_mark)
        return super().construct_mapping(node, deep)


documents = []
for name in sys.argv[1:]:
    with open(name, encoding="utf-8") as file:
        for document in yaml.load_all(file, Strict):
            kubernetes_validate.validate(document, KUBERNETES, strict=True)
            documents.append(document)
json.dump(documents, sys.stdout)
