def markdown(head, rows):
    """Return a Markdown table that can be read in a terminal, too."""
    widths = [max(len(cell) for cell in column) for column in zip(head, *rows)]
    return "\n".join(
        f"| {' | '.join(cell.ljust(width) for cell, width in zip(line, widths))} |"
        for line in [head, ["-" * width for width in widths], *rows]
    )
