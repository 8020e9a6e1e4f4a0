"""The platform moves a project; each of the two organizations sees its own time of it."""

from datetime import timedelta

from tests.interfaces.world import World

from tallygate.core.period import instant_text


def test_a_project_moves_to_another_organization(world: World) -> None:
    acme, rival = world.as_(world.acme), world.as_(world.rival)
    there = {"organization": world.rival.id}
    own = acme.ok("POST", "/v1/projects", {"name": "Own", "external_id": "own"})["id"]
    machine = acme.ok("POST", "/v1/resources", {"project": own, "type": "vm"})["id"]
    world.clock.advance(timedelta(days=1))
    for key in (acme, rival):
        assert key("POST", f"/v1/projects/{own}/move", there).status_code == 403
    moved = world.platform.ok("POST", f"/v1/projects/{own}/move", there)
    assert (moved["organization"], moved["left_at"]) == (world.rival.id, None)

    then = instant_text(world.clock.now())
    world.clock.advance(timedelta(hours=1))
    for path in (f"/v1/projects/{own}", f"/v1/resources/{machine}"):
        left, here = acme.ok("GET", path), rival.ok("GET", path)
        assert (left["organization"], left["left_at"]) == (world.acme.id, then)
        assert (here["organization"], here["left_at"]) == (world.rival.id, None)
    stopped = acme("POST", f"/v1/resources/{machine}/stop")
    assert (stopped.status_code, "has moved" in stopped.text) == (404, True)
    [ours] = acme.ok("GET", f"/v1/resources/{machine}/states")["data"]
    [theirs] = rival.ok("GET", f"/v1/resources/{machine}/states")["data"]
    assert (ours["until"], theirs["since"]) == (then, then)
    listed = [one["id"] for one in rival.ok("GET", "/v1/projects")["data"]]
    assert (own in listed, len(acme.ok("GET", "/v1/projects")["data"])) == (True, 1)

    homes = f"/v1/projects/{own}/homes"
    assert [one["until"] for one in acme.ok("GET", homes)["data"]] == [then]
    assert [one["since"] for one in rival.ok("GET", homes)["data"]] == [then]
    assert len(world.platform.ok("GET", homes)["data"]) == 2
    told = [
        (entry["operation"], entry["actor"])
        for key in (acme, rival)
        for entry in key.ok("GET", "/v1/audit_log")["data"]
        if entry["subject"] == own
    ]
    assert told == [("project.left", "operator"), ("project.joined", "operator")]


def test_a_name_that_the_new_organization_uses_is_told(world: World) -> None:
    """Both tenants call a project web: one organization calls one thing by a name."""
    project, rival = world.acme.things["project"], world.as_(world.rival)
    path, there = f"/v1/projects/{project}/move", {"organization": world.rival.id}
    taken = world.platform("POST", path, there)
    assert taken.status_code == 409
    assert taken.json()["param"] == "external_id"
    [home] = world.as_(world.acme).ok("GET", f"/v1/projects/{project}/homes")["data"]
    assert (home["since"], home["until"]) == (None, None)
    assert rival("GET", f"/v1/projects/{project}/homes").status_code == 404
