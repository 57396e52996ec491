"""The relay, Redis and MariaDB are killed while people go on: what was begun is finished, and finished once."""

from __future__ import annotations

import gc
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from sandbox.people import Refused
from tests import servers
from tests.kill.acts import HELD, RELEASED
from tests.kill.world import made
from tests.schema import migrate
from tests.waiting import until


@contextmanager
def working(world):
    """A relay and a worker of their own; in the end what they had begun when they were killed is finished."""
    processes = [world.launcher.start(role) for role in ("relay", "worker")]
    yield processes
    for process in processes:
        process.kill()
    world.leases_run_out()


def test_a_relay_that_is_killed_again_and_again_loses_nothing(world):
    with world.at_stake():
        people = world.people
        with working(world) as processes:
            milestones = people.agree(*["10.00"] * 5)
            for milestone in milestones:
                sheet = people.client.post(f"/v1/milestones/{milestone}/checkout")
                world.house.peer.pay(sheet["paymentIntent"])
                processes[0].kill()
                processes[0] = world.launcher.start("relay")
        assert [people.where(milestone) for milestone in milestones] == [HELD] * 5


def test_a_redis_that_is_killed_and_comes_back_empty_loses_nothing(schema, tmp_path):
    url = schema.blank(tmp_path, "holdfast_kill_redis")
    migrate(url)
    with servers.redis() as redis, made(url, redis.url, tmp_path) as world, world.at_stake(), working(world):
        people, peer = world.people, world.house.peer
        before, meanwhile = people.agree("10.00", "10.00")
        sheets = [people.client.post(f"/v1/milestones/{m}/checkout") for m in (before, meanwhile)]
        peer.pay(sheets[0]["paymentIntent"])
        redis.process.kill()
        # Requests and events come in all the same; only nobody works.
        peer.pay(sheets[1]["paymentIntent"])
        peer.drain()
        assert people.state(meanwhile) == "funding"
        redis.process.start()
        world.house.clock.advance(seconds=61)
        until(lambda: people.state(before) == people.state(meanwhile) == "funded")


# PyMySQL leaves it to the garbage collector to close a socket that nobody answers at.
@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
@pytest.mark.mariadb
def test_a_mariadb_that_is_killed_in_the_middle_of_everything_loses_nothing(redis_url, tmp_path):
    with servers.mariadb() as server:
        server.execute("CREATE DATABASE holdfast_kill CHARACTER SET utf8mb4 COLLATE utf8mb4_bin")
        migrate(server.url("holdfast_kill"))
        with made(server.url("holdfast_kill"), redis_url, tmp_path) as world, world.at_stake():
            people, statuses = world.people, []
            milestones = people.agree(*["10.00"] * 8)
            for milestone in milestones:
                people.fund_with_token(milestone)
            with working(world), ThreadPoolExecutor(4) as fingers:
                clicks = [
                    fingers.submit(insist, people.client, milestone, statuses) for milestone in milestones
                ]
                until(lambda: any(click.done() for click in clicks))
                server.process.kill()
                until(lambda: bool(statuses))
                server.process.start()
                assert all(click.result() for click in clicks)
            assert [people.where(milestone) for milestone in milestones] == [RELEASED] * 8
            assert set(statuses) == {503}
    gc.collect()


def insist(client, milestone, statuses):
    """Click until it is done, as one click: under one key."""
    key = uuid.uuid4().hex

    def done():
        try:
            return client.post(
                f"/v1/milestones/{milestone}/release",
                {"amount": {"amount": "10.00", "currency": "USD"}},
                key=key,
            )
        except Refused as refused:
            statuses.append(refused.status)
            return None

    until(done)
    return True
