"""Keeps what is uploaded to it: server.py OUT PORT_FILE. PUT /NAME, POST /NAME (appended: one part of a file after the other),
POST /form (multipart, as a browser's form sends it). GET / is a page with an upload box for each of the ways that pages send files."""

import email.parser
import email.policy
import http.server
import os
import sys

OUT, PORT_FILE = sys.argv[1:]

PAGE = b"""<!doctype html><title>ready</title>
<form action=/form method=post enctype=multipart/form-data><input type=file id=form name=file onchange="this.form.submit()"></form>
<input type=file id=whole><input type=file id=parts><input type=file id=read>
<script>
const send = (file, method, body) => fetch("/" + encodeURIComponent(file.name), { method, body });
const done = answers => document.title = answers.every(a => a.ok) ? "done" : "failed";
const when = (id, how) => document.getElementById(id).onchange = e => how(e.target.files[0]).then(done, e => document.title = String(e));
when("whole", async file => [await send(file, "PUT", file)]);
when("parts", async file => {
  const answers = [];
  for (let at = 0; at < file.size; at += 100000) answers.push(await send(file, "POST", file.slice(at, at + 100000)));
  return answers;
});
when("read", async file => [await send(file, "PUT", await new Promise((got, failed) => {
  const reader = new FileReader();
  reader.onload = () => got(reader.result);
  reader.onerror = () => failed(reader.error);
  reader.readAsArrayBuffer(file);
}))]);
</script>
"""


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, text, status=200):
        self.send_response(status)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def keep(self, name, body, mode):
        with open(os.path.join(OUT, os.path.basename(name)), mode) as f:
            f.write(body)

    def body(self):
        if self.headers.get("Expect") == "100-continue":
            self.send_response_only(100)
            self.end_headers()
        return self.rfile.read(int(self.headers["Content-Length"]))

    def do_GET(self):
        self.answer(PAGE if self.path == "/" else b"", 200 if self.path == "/" else 404)

    def do_PUT(self):
        self.keep(self.path, self.body(), "wb")
        self.answer(b"kept")

    def do_POST(self):
        body = self.body()
        if self.path != "/form":
            self.keep(self.path, body, "ab")
            return self.answer(b"kept")
        head = b"Content-Type: " + self.headers["Content-Type"].encode() + b"\r\n\r\n"
        for part in email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + body).iter_parts():
            self.keep(part.get_filename(), part.get_payload(decode=True), "wb")
        return self.answer(b"<!doctype html><title>done</title>")

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
with open(PORT_FILE + ".new", "w") as f:
    f.write(str(server.server_port))
os.rename(PORT_FILE + ".new", PORT_FILE)
server.serve_forever()
