"""The store: the log, its projections and the queues around them. All SQL of the project lives here.

`Store.write(command)` is the only way to change anything: the command gets a `Sql` inside a transaction and calls
the functions of this package with it (`log.append(sql, …)`, `outbox.wish(sql, …)`); `Store.read(query)` is the same
for reading. Nothing outside this package knows which engine runs.
"""

from bot.store.database import Store, open_store
from bot.store.dialect import Sql

__all__ = ["Sql", "Store", "open_store"]
