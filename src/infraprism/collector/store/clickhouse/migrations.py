"""Brings the tables up to the newest schema, whoever else does so at the same time."""

from __future__ import annotations

from clickhouse_connect.driver.client import Client

from infraprism.collector.store.clickhouse import schema
from infraprism.collector.store.clickhouse.address import Address
from infraprism.collector.store.clickhouse.clients import Clients

_DATABASE = "SELECT count() FROM system.databases WHERE name = {name:String}"
_TABLE = "SELECT count() FROM system.tables WHERE database = {name:String} AND name = 'schema_version'"


class SchemaTooNewError(Exception):
    """The tables were made by a later release than this one."""


def migrate(address: Address) -> None:
    """Make what is missing. Raises `ClickHouseError`, and `SchemaTooNewError`, which leaves all as it is."""
    clients = Clients(address, database=False)
    try:
        with clients.one() as client:
            version = _version(client, address)
            newest = len(schema.MIGRATIONS)
            if version > newest:
                raise SchemaTooNewError(
                    f"its schema has version {version}, this release knows {newest}; use a newer release"
                )
            for number in range(version + 1, newest + 1):
                for statement in schema.statements(address, number):
                    client.command(statement)
                client.command(
                    f"INSERT INTO `{address.database}`.schema_version (version) VALUES ({number})"  # noqa: S608
                )
    finally:
        clients.close()


def _version(client: Client, address: Address) -> int:
    named = {"name": address.database}
    if not client.query(_DATABASE, parameters=named).result_rows[0][0]:
        client.command(schema.database(address))
    if not client.query(_TABLE, parameters=named).result_rows[0][0]:
        return 0
    found = client.query(f"SELECT coalesce(max(version), 0) FROM `{address.database}`.schema_version")  # noqa: S608
    return int(found.result_rows[0][0])
