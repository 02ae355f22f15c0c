"""A server that speaks as much of Label Studio's API as was measured against 1.23.2, and fails where it is told to."""

import itertools
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

LEGACY = "0123456789abcdef0123456789abcdef01234567"
PERSONAL = "eyJhbGciOiJIUzI1NiJ9.refresh.signature"
AT = (f"2026-01-01T00:{minute:02d}:{second:02d}Z" for minute in range(60) for second in range(60))


class Fake:
    """Its tables, and what it was asked; `lost` counts down to a request whose reply is lost, after or before the work."""

    def __init__(self):
        self.projects, self.tasks, self.asked, self.people = {}, {}, [], {1: "admin@example.com"}
        self.lost, self.worked = None, True
        self.numbers, self.bearers = itertools.count(1), set()
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def handle_any(self):
                fake.handle(self)

            do_GET = do_POST = do_PATCH = do_DELETE = handle_any  # noqa: N815

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def handle(self, http):
        where = urlsplit(http.path)
        path = where.path.strip("/").split("/")[1:]
        query = {key: values[0] for key, values in parse_qs(where.query).items()}
        body = json.loads(http.rfile.read(int(http.headers.get("Content-Length") or 0)) or "null")
        self.asked.append((http.command, where.path))
        lost = self.lost == 0
        self.lost = None if self.lost is None or lost else self.lost - 1
        status, answer = 200, None
        if not lost or self.worked:
            try:
                status, answer = self.answer(http.command, path, query, body, http.headers.get("Authorization", ""))
            except KeyError:
                status, answer = 404, {"detail": "No such thing."}
        if lost:
            http.close_connection = True
            return
        content = b"" if answer is None else json.dumps(answer).encode()
        http.send_response(status)
        http.send_header("Content-Type", "application/json")
        http.send_header("Content-Length", str(len(content)))
        http.end_headers()
        http.wfile.write(content)

    def answer(self, method, path, query, body, sign):  # noqa: C901
        if path == ["token", "refresh"]:
            self.bearers = {f"Bearer short.{next(self.numbers)}.lived"}
            ours = body["refresh"] == PERSONAL
            return (200, {"access": next(iter(self.bearers)).split()[1]}) if ours else (401, {"detail": "no"})
        if sign not in {f"Token {LEGACY}", *self.bearers}:
            return 401, {"detail": f"Invalid token {sign}."}
        if path == ["users"]:
            return 200, [{"id": at, "email": email} for at, email in self.people.items()]
        if path == ["projects"]:
            return self.all_projects(method, body)
        if path[0] == "projects" and path[2:] == ["import"]:
            return self.take(self.projects[int(path[1])]["id"], body)
        if path[0] == "projects" and path[2:] == ["export"]:
            mine = [task for task in self.tasks.values() if task["project"] == int(path[1]) and task["annotations"]]
            short = [{**task["data"], "label": choices_of(task["annotations"][0])} for task in mine]
            return 200, mine if query["exportType"] == "JSON" else short
        if path[0] == "projects":
            self.projects[int(path[1])].update(body or {})
            return 200, self.projects[int(path[1])]
        if path == ["tasks"]:
            return self.all_tasks(query)
        if path[0] == "tasks" and path[2:] == ["annotations"]:
            return 201, self.annotate(int(path[1]), body)
        if path[0] == "annotations":
            return 200, self.edit(int(path[1]), body)
        if method == "DELETE":
            del self.tasks[int(path[1])]
            return 204, None
        raise KeyError

    def all_projects(self, method, body):
        if method == "GET":
            return 200, {"next": None, "results": list(self.projects.values())}
        if not 3 <= len(body["title"]) <= 50:
            return 400, {"detail": "Validation error", "validation_errors": {"title": ["no more than 50 characters"]}}
        at = next(self.numbers)
        self.projects[at] = {"id": at, "model_version": "", **body}
        return 201, self.projects[at]

    def take(self, project, tasks):
        for task in tasks:
            at = next(self.numbers)
            self.tasks[at] = {"meta": {}, **task, "id": at, "project": project, "annotations": [], "drafts": []}
        return 201, {"task_count": len(tasks)}

    def all_tasks(self, query):
        self.projects[int(query["project"])]
        mine = [task for task in self.tasks.values() if task["project"] == int(query["project"])]
        if "filters" in json.loads(query["query"]):
            mine = [task for task in mine if task["annotations"]]
        size, page = int(query["page_size"]), int(query["page"])
        if page > 1 and (page - 1) * size >= len(mine):
            raise KeyError
        fields = query["include"].split(",")
        shown = mine[(page - 1) * size : page * size]
        nested = lambda value: {key: each for key, each in value.items() if key in fields}  # noqa: E731
        tasks = [{**nested(task), "annotations": [nested(each) for each in task["annotations"]]} for task in shown]
        return 200, {"total": len(mine), "tasks": tasks}

    def annotate(self, task, body):
        now = next(AT)
        base = {"completed_by": 1, "was_cancelled": False, "created_at": now, "updated_at": now, "lead_time": 1.0}
        row = {**base, **body, "id": next(self.numbers)}
        self.tasks[task]["annotations"].append(row)
        return row

    def edit(self, at, body):
        row = next(row for task in self.tasks.values() for row in task["annotations"] if row["id"] == at)
        return row.update({**body, "updated_at": next(AT)}) or row


def choices_of(annotation):
    return annotation["result"][0]["value"]["choices"][0] if annotation["result"] else None
