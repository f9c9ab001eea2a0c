"""What the deployments under docker/ promise: `manifests.py SOURCE`, the checkout.

Kubernetes' schemas are another test's (`./dev interop kubernetes`); this one reads the YAML for what an
operator relies on: no privilege, nothing writable, secrets as files that others cannot read, time enough
to drain, probes at the operations port, one node at a time, and only the traffic that is meant. The
configuration in them is held against config/grantd.schema.json.
"""

import json
import pathlib
import re
import sys

SKIPPED = 77

try:
    import jsonschema
    import yaml
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(SKIPPED)

SOURCE = pathlib.Path(sys.argv[1])
USER = 10001                # docker/Dockerfile
DRAIN_LIMIT = 10            # seconds, server/http/server.h
PUBLIC, OPERATIONS = 8443, 9443
NODE = {"app.kubernetes.io/name": "grantd", "app.kubernetes.io/component": "server"}


def check(holds, what):
    if not holds:
        sys.exit(f"failed: {what}")


def configuration(text, where):
    """JSON with whole-line // comments, as ours are written -> the document, which the schema takes."""
    document = json.loads(re.sub(r"^\s*//.*$", "", text, flags=re.MULTILINE))
    schema = json.loads((SOURCE / "config/grantd.schema.json").read_text())
    fault = next(jsonschema.Draft202012Validator(schema).iter_errors(document), None)
    check(fault is None, f"{where}: {fault and fault.message}")
    storage, keys = document["storage"], document["keys"]
    check(storage["url"].startswith("postgresql://grantd@") and "sslmode" not in storage["url"],
          f"{where}: the nodes' own role, and verify-full, the default")
    check(keys["store"] == "database" and keys["wrapping_key_file"], f"{where}: keys in the database")
    return document


def drain_seconds(document):
    return int(re.fullmatch(r"(\d+)s", document["limits"]["drain"])[1])


def same_defaults_but_for_names(kubernetes, compose):
    """Both say the same but for where things are."""
    for document in (kubernetes, compose):
        check(set(document) == {"issuer", "listen", "ops", "storage", "keys", "limits"}, "the sections")
    check(kubernetes["limits"] == compose["limits"], "the limits of both")


# --- Kubernetes ---------------------------------------------------------------------------------

def documents():
    found = {}
    for file in sorted((SOURCE / "docker/kubernetes").glob("*.yaml")):
        for document in yaml.safe_load_all(file.read_text()):
            name = document.get("metadata", {}).get("name", "")
            found[document["kind"], name] = document
    return found


def selects(selector, labels):
    return selector.get("matchLabels", {}).items() <= labels.items()


def pod_is_contained(pod, where):
    security = pod["securityContext"]
    check(security["runAsNonRoot"] is True and security["runAsUser"] == USER
          and security["fsGroup"] == USER, f"{where}: the image's user")
    check(security["seccompProfile"] == {"type": "RuntimeDefault"}, f"{where}: seccomp")
    check(pod["automountServiceAccountToken"] is False, f"{where}: no token of Kubernetes'")
    check(not any(pod.get(name) for name in ("hostNetwork", "hostPID", "hostIPC")), f"{where}: no host")
    (container,) = pod["containers"]
    own = container["securityContext"]
    check(own["readOnlyRootFilesystem"] is True and own["allowPrivilegeEscalation"] is False
          and own["capabilities"] == {"drop": ["ALL"]} and "privileged" not in own,
          f"{where}: read-only and without privileges")
    check("memory" in container["resources"]["limits"] and "cpu" in container["resources"]["requests"],
          f"{where}: resources")
    check(all(mount["readOnly"] for mount in container["volumeMounts"]), f"{where}: writable mount")
    secrets_are_files(pod, container, where)
    return container


def secrets_are_files(pod, container, where):
    for volume in pod["volumes"]:
        if "secret" in volume:
            check(volume["secret"]["defaultMode"] in (0o400, 0o440),
                  f"{where}: {volume['name']} is readable by others")
        else:
            check("configMap" in volume, f"{where}: {volume['name']} is neither Secret nor ConfigMap")
    check("envFrom" not in container and all("value" in variable for variable in container.get("env", [])),
          f"{where}: a Secret in the environment")


def files_are_mounted(document, pod, container, where):
    """Every path of the configuration is below a mount of a Secret; no other is needed."""
    kinds = {volume["name"]: volume for volume in pod["volumes"]}
    mounted = [mount["mountPath"] for mount in container["volumeMounts"]
               if "secret" in kinds[mount["name"]]]
    storage = document["storage"]
    root_certificate = re.search(r"sslrootcert=([^&]+)", storage["url"])[1]
    for path in (*document["listen"]["tls"].values(), storage["password_file"], storage["pepper_file"],
                 document["keys"]["wrapping_key_file"], root_certificate):
        check(str(pathlib.PurePosixPath(path).parent) in mounted, f"{where}: nothing is mounted at {path}")


def probe(container, name):
    port = next(port["containerPort"] for port in container["ports"]
                if port["name"] == container[name]["httpGet"]["port"])
    return container[name]["httpGet"]["path"], port


def nodes_can_be_replaced(found, document):
    deployment = found["Deployment", "grantd"]["spec"]
    template = deployment["template"]
    labels, pod = template["metadata"]["labels"], template["spec"]
    container = pod_is_contained(pod, "deployment")
    check(deployment["replicas"] == 3, "three nodes")
    check(probe(container, "startupProbe") == ("/healthz", OPERATIONS)
          and probe(container, "livenessProbe") == ("/healthz", OPERATIONS)
          and probe(container, "readinessProbe") == ("/readyz", OPERATIONS), "the probes")
    ready = container["readinessProbe"]
    check(ready["periodSeconds"] * ready["failureThreshold"] < drain_seconds(document),
          "a node drains until its readiness is known to be gone")
    check(pod["terminationGracePeriodSeconds"] > drain_seconds(document) + DRAIN_LIMIT,
          "a node is killed before it has drained")
    check({spread["topologyKey"] for spread in pod["topologySpreadConstraints"]}
          == {"kubernetes.io/hostname", "topology.kubernetes.io/zone"}, "nodes on one machine")
    check(deployment["strategy"]["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1},
          "an update takes a node away before its successor is ready")
    check(document["ops"]["address"] == "0.0.0.0", "no probe reaches the operations port")
    files_are_mounted(document, pod, container, "deployment")
    budget = found["PodDisruptionBudget", "grantd"]["spec"]
    check(budget["maxUnavailable"] == 1, "the disruption budget")
    for selector in (deployment["selector"], budget["selector"],
                     *(spread["labelSelector"] for spread in pod["topologySpreadConstraints"]),
                     {"matchLabels": found["Service", "grantd"]["spec"]["selector"]}):
        check(selects(selector, labels) and selector["matchLabels"] == NODE, f"the selector {selector}")
    scaler = found["HorizontalPodAutoscaler", "grantd"]["spec"]
    check(scaler["minReplicas"] == 3 and scaler["scaleTargetRef"]["name"] == "grantd", "the autoscaler")


def only_the_job_owns_the_tables(found, document):
    template = found["Job", "grantd-migrate"]["spec"]["template"]
    pod = template["spec"]
    container = pod_is_contained(pod, "job")
    check(container["args"][0] == "migrate", "the job migrates")
    files_are_mounted(document, pod, container, "job")
    environment = {variable["name"]: variable["value"] for variable in container["env"]}
    own = document["storage"]["url"].replace("://grantd@", "://grantd_owner@")
    check(environment["GRANTD_STORAGE__URL"] == own, "the job's database is the nodes'")
    check(not selects({"matchLabels": NODE}, template["metadata"]["labels"]), "the job is taken for a node")
    secrets = lambda spec: {volume["secret"]["secretName"] for volume in spec["volumes"] if "secret" in volume}
    nodes = found["Deployment", "grantd"]["spec"]["template"]["spec"]
    check(secrets(pod) - secrets(nodes) == {"grantd-owner"}, "the owner's password is the job's alone")


def only_meant_traffic(found):
    def ports(rules, key):
        return {(port["protocol"], port["port"]) for rule in rules for port in rule["ports"]
                if check(rule[key], "a rule for everybody") is None}

    deny = found["NetworkPolicy", "default-deny"]["spec"]
    check(deny == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}, "the default")
    inward = found["NetworkPolicy", "grantd"]["spec"]
    check(inward["podSelector"]["matchLabels"] == NODE, "whom the policy is for")
    check(ports(inward["ingress"], "from") == {("TCP", PUBLIC), ("TCP", OPERATIONS)}, "the ports inwards")
    operations = [rule for rule in inward["ingress"] if rule["ports"][0]["port"] == OPERATIONS]
    check([rule["from"] for rule in operations]
          == [[{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}]],
          "the operations port is for the monitoring alone")
    outward = found["NetworkPolicy", "grantd-egress"]["spec"]
    check(ports(outward["egress"], "to") == {("TCP", 5432), ("UDP", 53), ("TCP", 53)}, "the ports outwards")
    for labels in (NODE, {**NODE, "app.kubernetes.io/component": "migrate"}):
        check(selects(outward["podSelector"], labels), "nodes and job reach the database")


def kustomization_names_every_file(found):
    listed = set(found["Kustomization", ""]["resources"])
    present = {file.name for file in (SOURCE / "docker/kubernetes").glob("*.yaml")}
    # The autoscaler comes instead of `replicas`.
    check(present - listed == {"kustomization.yaml", "autoscaler.yaml"}, "files that nobody applies")


def kubernetes():
    found = documents()
    text = found["ConfigMap", "grantd"]["data"]["grantd.json"]
    document = configuration(text, "docker/kubernetes/configmap.yaml")
    nodes_can_be_replaced(found, document)
    only_the_job_owns_the_tables(found, document)
    only_meant_traffic(found)
    kustomization_names_every_file(found)
    level = found["Namespace", "grantd"]["metadata"]["labels"]["pod-security.kubernetes.io/enforce"]
    check(level == "restricted", "the namespace's Pod Security Standard")
    return document


# --- compose ------------------------------------------------------------------------------------

def seconds(text):
    return int(re.fullmatch(r"(\d+)s", text)[1])


def service_is_contained(name, service):
    check(service["read_only"] is True and service["cap_drop"] == ["ALL"]
          and service["security_opt"] == ["no-new-privileges:true"] and "privileged" not in service,
          f"{name}: read-only and without privileges")
    check("mem_limit" in service and "pids_limit" in service, f"{name}: limits")
    for value in service.get("environment", {}).values():
        check("PASSWORD=" not in str(value), f"{name}: a password in the environment")


def compose():
    file = yaml.safe_load((SOURCE / "docker/compose.cluster.yaml").read_text())
    document = configuration((SOURCE / "docker/cluster/grantd.json").read_text(), "docker/cluster/grantd.json")
    services = file["services"]
    nodes = {name: service for name, service in services.items() if name.startswith("grantd-")}
    check(len(nodes) == 3, "three nodes")
    for name, service in services.items():
        service_is_contained(name, service)
    for name, node in nodes.items():
        check(seconds(node["stop_grace_period"]) > drain_seconds(document) + DRAIN_LIMIT, f"{name}: drained")
        check(node["depends_on"] == {"migrate": {"condition": "service_completed_successfully"}}, name)
        check("healthcheck" in node and "ports" not in node, f"{name}: health check, nothing published")
        check("db_owner_password" not in node["secrets"], f"{name}: the owner's password")
        check(f"server {name} {name}:{PUBLIC}" in (SOURCE / "docker/haproxy.cfg").read_text()
              and f"server {name}:{PUBLIC}" in (SOURCE / "docker/nginx-stream.conf").read_text(),
              f"{name} is behind no balancer")
    migrate = services["migrate"]
    check(migrate["environment"]["GRANTD_STORAGE__URL"]
          == document["storage"]["url"].replace("://grantd@", "://grantd_owner@"), "migrate's database")
    check({name for name in nodes["grantd-1"]["secrets"]} | {"db_owner_password"} == set(file["secrets"]),
          "secrets that nobody mounts")
    for path in (*document["listen"]["tls"].values(), document["storage"]["password_file"],
                 document["storage"]["pepper_file"], document["keys"]["wrapping_key_file"]):
        check(pathlib.PurePosixPath(path).name in nodes["grantd-1"]["secrets"], f"no secret is at {path}")
    return document


same_defaults_but_for_names(kubernetes(), compose())
