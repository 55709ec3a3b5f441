"""Which installed network reads what, as the page docs/panel.md tells it: from the stored table."""

from __future__ import annotations

from models.checkpoint.routing_table import WAYS, RoutingTable

START, END = "<!-- routing:start -->", "<!-- routing:end -->"
NOT_MEASURED = "Not measured for the installed models; run `python -m models.evaluation.routing`."


def replace_routing(text: str, table: RoutingTable | None) -> str:
    """The text with its marked block replaced by the stored table."""
    before, _, rest = text.partition(START)
    _, _, after = rest.partition(END)
    block = NOT_MEASURED if table is None or not table.current else routing_text(table)
    return f"{before}{START}\n{block}\n{END}{after}"


def routing_text(table: RoutingTable) -> str:
    """The table in Markdown: of each kind of picture and each way, how many went where."""
    columns = went_where(table)
    lines = [
        "| pictures | way | count | " + " | ".join(columns) + " | wrong |",
        "|---|---|" + "---|" * (len(columns) + 2),
    ]
    for row in sorted(table.rows, key=lambda row: WAYS.index(row["way"])):
        cells = [str(row["went"].get(column, 0) or "") for column in columns]
        lines.append(
            f"| {row['kind']} | {row['way']} | {row['films']} | {' | '.join(cells)} | "
            f"{row['wrong'] or ''} |"
        )
    share = table.wrong / max(1, table.answered)
    lines += ["", f"Wrong: {table.wrong} of {table.answered} answered ({share:.2%})."]
    if table.every > 1:
        lines[-1] += f" One picture in {table.every} of each set was followed."
    return "\n".join(lines)


def went_where(table: RoutingTable) -> list[str]:
    """The networks that answered any, in name order, then what is no answer."""
    seen = {name for row in table.rows for name in row["went"]}
    nowhere = [name for name in ("asked for the age", "refused") if name in seen]
    return [*sorted(seen.difference(nowhere)), *nowhere]
