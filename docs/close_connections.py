#!/usr/bin/env python3
"""Closes the open connections of a subject. First put the subject on the revocation list: otherwise it connects again.

The client ids are those of its allowed connects of the last hours, from the function's log, or from a file with the
output of `cargo local --json`. Each is closed by AWS IoT's DeleteConnection. Needs boto3, and the operator's
credentials with the permissions of docs/revocation.md.

    close_connections.py --issuer-url https://login.example.com/ --sub alice --log-group LOG-GROUP
    close_connections.py --principal 0123... --event-log events.jsonl --endpoint-url http://127.0.0.1:8080
"""

import argparse
import hashlib
import json
import os
import sys
import time

# --wait counts from here: reading boto3 takes a while.
START = time.monotonic()

import boto3  # noqa: E402
from botocore.exceptions import ClientError  # noqa: E402

# The most rows that CloudWatch Logs Insights returns.
MAX_ROWS = 10_000


def principal_of(issuer, subject):
    """The principal of a subject, as docs/deploy.md and `cargo local explain` have it."""
    return hashlib.sha256(f"{len(issuer.encode())}:{issuer}{subject}".encode()).hexdigest()


def from_log(session, group, principal, hours):
    """The client ids of the principal's allowed connects, from the function's log group."""
    logs, now = session.client("logs"), int(time.time())
    query = f'filter principal = "{principal}" and decision = "allow" and ispresent(client_id) | stats count(*) by client_id | limit {MAX_ROWS}'
    started = logs.start_query(logGroupName=group, startTime=now - hours * 3600, endTime=now + 60, queryString=query)
    while True:
        result = logs.get_query_results(queryId=started["queryId"])
        if result["status"] not in ("Scheduled", "Running"):
            break
        time.sleep(1)
    if result["status"] != "Complete":
        sys.exit(f"the query of {group} ended as {result['status']}")
    if len(result["results"]) == MAX_ROWS:
        print(f"warning: more than {MAX_ROWS} client ids; run it again", file=sys.stderr)
    return {field["value"] for row in result["results"] for field in row if field["field"] == "client_id"}


def from_event_log(path, principal, hours):
    """The same from the lines of `cargo local --json`."""
    found, since = set(), (time.time() - hours * 3600) * 1000
    with open(path) as lines:
        for line in lines:
            entry = json.loads(line)
            if entry.get("kind") == "connected" and entry.get("principal") == principal and entry["at"] >= since:
                found.add(entry["client"])
    return found


def close(client, client_id, arguments):
    """Closes one connection. Returns what happened."""
    try:
        client.delete_connection(clientId=client_id, cleanSession=arguments.clean_session, preventWillMessage=arguments.prevent_will_message)
        return "closed"
    except ClientError as error:
        if error.response["Error"]["Code"] == "ResourceNotFoundException":
            return "not connected"
        raise


def main():
    parser = argparse.ArgumentParser(description="Closes the open connections of a subject.")
    who = parser.add_mutually_exclusive_group(required=True)
    who.add_argument("--principal", help="its principal, as in the log")
    who.add_argument("--sub", help="the subject, with --issuer-url")
    parser.add_argument("--issuer-url", help="the exact `iss` of its tokens")
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--log-group", help="the function's log group: the stack's output LogGroup")
    where.add_argument("--event-log", help="a file with the output of `cargo local --json`")
    parser.add_argument("--hours", type=int, default=24, help="how far back to look [default: 24]")
    parser.add_argument("--wait", type=float, default=0, metavar="SECONDS", help="first wait until the list is in effect: refresh_seconds")
    parser.add_argument("--endpoint-url", help="of AWS IoT's data plane [default: the account's]")
    parser.add_argument("--clean-session", action="store_true", help="also delete the session")
    parser.add_argument("--prevent-will-message", action="store_true", help="publish no will")
    parser.add_argument("--dry-run", action="store_true", help="only print the client ids")
    arguments = parser.parse_args()
    if arguments.sub and not arguments.issuer_url:
        parser.error("--sub needs --issuer-url")
    principal = arguments.principal or principal_of(arguments.issuer_url, arguments.sub)
    # boto3 alone reads only AWS_DEFAULT_REGION and the profile.
    session = boto3.Session(region_name=os.environ.get("AWS_REGION"))
    if arguments.log_group:
        client_ids = from_log(session, arguments.log_group, principal, arguments.hours)
    else:
        client_ids = from_event_log(arguments.event_log, principal, arguments.hours)
    if not client_ids:
        sys.exit(f"no allowed connect of {principal} in the last {arguments.hours} hours")
    endpoint = arguments.endpoint_url
    if not endpoint and not arguments.dry_run:
        endpoint = f"https://{session.client('iot').describe_endpoint(endpointType='iot:Data-ATS')['endpointAddress']}"
    client = None if arguments.dry_run else session.client("iot-data", endpoint_url=endpoint)
    time.sleep(max(0, START + arguments.wait - time.monotonic()))
    for client_id in sorted(client_ids):
        print(f"{client_id}: {'found' if arguments.dry_run else close(client, client_id, arguments)}", flush=True)


if __name__ == "__main__":
    main()
