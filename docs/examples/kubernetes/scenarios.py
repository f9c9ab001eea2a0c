"""The manifests against Kubernetes' schemas, and what the policies allow, worked out by their rules:
there is no cluster here."""

import json
import pathlib
import subprocess

from harness.failure import check
from harness.scenario import scenarios

HERE = pathlib.Path(__file__).resolve().parent
NODES = HERE.parent.parent.parent / "docker" / "kubernetes"
PUBLIC, OPERATIONS = 8443, 9443
GRANTD = {"app.kubernetes.io/name": "grantd"}
CLIENT = {"grantd.example.com/client": "true"}
ALLOWED = {"grantd.example.com/clients": "allowed"}

SCENARIOS = []
scenario = scenarios(SCENARIOS)


def validated(system, *files):
    return subprocess.run([system.example.build_directory / "bin" / "python", HERE / "validate.py", *files],
                          capture_output=True, text=True)


def documents(system):
    done = validated(system, *sorted(HERE.glob("*.yaml")))
    check(done.returncode == 0, done.stderr[-1000:])
    return json.loads(done.stdout)


@scenario("The manifests are what Kubernetes' schemas say, and a misspelt field is noticed")
def schema(system):
    count = len(documents(system))
    wrong = system.directory / "wrong.yaml"
    wrong.write_text((HERE / "networkpolicy.yaml").read_text().replace("podSelector:", "podSelectors:", 1))
    check(validated(system, wrong).returncode != 0, "a misspelt field passed")
    return f"{count} documents"


@scenario("The manifests of docker/kubernetes, three nodes on PostgreSQL, are so, too")
def nodes(system):
    files = [file for file in sorted(NODES.glob("*.yaml")) if file.name != "kustomization.yaml"]
    done = validated(system, *files)
    check(done.returncode == 0, done.stderr[-1000:])
    return f"{len(json.loads(done.stdout))} documents"


@scenario("Only labelled pods of labelled namespaces reach 8443, only the monitoring namespace 9443")
def reach(system):
    policies = documents(system)
    for namespace, pod, port, allowed in (
            (ALLOWED, CLIENT, PUBLIC, True), (ALLOWED, {}, PUBLIC, False), ({}, CLIENT, PUBLIC, False),
            ({}, {}, PUBLIC, False), (named("monitoring"), {}, OPERATIONS, True),
            (named("monitoring"), {}, PUBLIC, False), (ALLOWED, CLIENT, OPERATIONS, False),
            (named("other"), CLIENT, OPERATIONS, False), (named("grantd"), GRANTD, PUBLIC, False),
            (ALLOWED, CLIENT, 22, False)):
        check(admits(policies, GRANTD, namespace, pod, port) == allowed,
              f"namespace {namespace}, pod {pod}, port {port}: should be {allowed}")
    check(not admits(policies, {"app": "other"}, ALLOWED, CLIENT, PUBLIC), "another pod is open")


def named(name):
    return {"kubernetes.io/metadata.name": name}


def admits(policies, target, namespace, pod, port):
    """NetworkPolicy's rules for ingress: policies that select the pod add up; none: all is open."""
    selecting = [policy["spec"] for policy in policies
                 if policy["kind"] == "NetworkPolicy" and selects(policy["spec"]["podSelector"], target)
                 and "Ingress" in policy["spec"]["policyTypes"]]
    rules = [rule for spec in selecting for rule in spec.get("ingress", [])]
    return not selecting or any(
        any(peer_matches(peer, namespace, pod) for peer in rule["from"])
        and any(entry["port"] == port for entry in rule["ports"]) for rule in rules)


def peer_matches(peer, namespace, pod):
    check(peer.keys() <= {"namespaceSelector", "podSelector"} and "namespaceSelector" in peer,
          f"this test does not know the peer {peer}")
    return selects(peer["namespaceSelector"], namespace) and selects(peer.get("podSelector", {}), pod)


def selects(selector, labels):
    check(selector.keys() <= {"matchLabels"}, f"this test does not know the selector {selector}")
    return selector.get("matchLabels", {}).items() <= labels.items()


def demo(system):
    for sentence, run in SCENARIOS:
        print(f"{sentence}: {run(system) or 'yes'}")
