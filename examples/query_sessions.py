"""Ask the Analytics API what each session of a customer cost.

    python examples/query_sessions.py

`INFRAPRISM_URL` says where the collector listens (`http://127.0.0.1:4318` when unset), `INFRAPRISM_API_KEY`
is the key it asks for, if it asks for one.
"""

import os

import requests

url = os.environ.get("INFRAPRISM_URL", "http://127.0.0.1:4318")
api_key = os.environ.get("INFRAPRISM_API_KEY", "ip-...")

# Get session summary
response = requests.get(
    f"{url}/v1/analytics/sessions",
    headers={"Authorization": f"Bearer {api_key}"},
    params={
        "entity_type": "customer",
        "entity_id": "acme-corp",
        "start_date": "2025-01-01",
    },
    timeout=10,
)
response.raise_for_status()

for session in response.json()["data"]:
    print(f"Session {session['session_id']}")
    print(f"  Turns: {session['turn_count']}")
    print(f"  Cost: ${session['total_cost']:.4f}")
