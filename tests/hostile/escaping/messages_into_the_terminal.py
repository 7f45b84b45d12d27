# Prints and raises control sequences, markup and HTML, for whatever shows them.
# expect: RAISED
# message: <script>
# stdout: [/bold]
def transform(grid):
    print("\x1b]0;title\x07\x1b[2J[/bold][link=file:///etc/passwd]x</pre><script>alert(1)</script>\r\n\0")
    raise ValueError("[/red]\x1b[31m</code><script>alert(1)</script>")
