"""What only the Spring services have: metrics, for those who may see them."""

from harness.failure import check
from harness.scenario import scenarios
from harness.system import USERS

SCENARIOS = []
scenario = scenarios(SCENARIOS)
QUEUE = "/actuator/metrics/executor.queued"


@scenario("The executor's queue is measured, and shown to a token with the scope metrics:read alone")
def queue_metrics(system):
    monitor = system.grantd.create_client(
        "monitor", "--scope", "metrics:read", "--audience", USERS)
    answer = system.expect(200, "user-service", QUEUE, system.grantd.token(monitor)).json()
    tags = {tag["tag"]: tag["values"] for tag in answer["availableTags"]}
    check(tags == {"name": ["profileExecutor"]}, f"measured: {tags}")
    system.expect(403, "user-service", QUEUE, system.grantd.token(system.caller))
    system.expect(401, "user-service", QUEUE)
