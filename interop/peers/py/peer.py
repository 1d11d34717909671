"""A node of py-libp2p, driven over standard input and output: see ../../README.md."""

import hashlib
import json
import sys

import trio
from libp2p import new_host
from libp2p.crypto.ed25519 import create_new_key_pair
from libp2p.peer.id import ID
from libp2p.peer.peerinfo import info_from_p2p_addr
from libp2p.pubsub.gossipsub import PROTOCOL_ID, PROTOCOL_ID_V11, PROTOCOL_ID_V12, GossipSub
from libp2p.pubsub.pubsub import Pubsub
from libp2p.tools.anyio_service import background_trio_service
from multiaddr import Multiaddr

# The library has no events for peers and meshes: this is how often they are looked at, in seconds.
LOOK_EVERY = 0.05


class Peer:
    def __init__(self, start):
        is_quic = "/quic-v1" in start["listen"]
        self.host = new_host(
            key_pair=create_new_key_pair(bytes.fromhex(start["identity"])),
            muxer_preference="YAMUX",
            listen_addrs=[Multiaddr(start["listen"])],
            enable_quic=is_quic,
        )
        degree = start["degree"]
        self.router = GossipSub(
            protocols=[PROTOCOL_ID_V12, PROTOCOL_ID_V11, PROTOCOL_ID],
            degree=degree or 6,
            degree_low=degree or 4,
            degree_high=degree or 12,
            heartbeat_interval=start["heartbeat_ms"] / 1000,
            # By default it takes ten messages a second from a peer, and drops the others.
            spam_protection_enabled=False,
            # It would graft beyond its degree, for want of neighbours in other networks.
            eclipse_protection_enabled=False,
        )
        self.pubsub = Pubsub(
            self.host,
            self.router,
            strict_signing=start["signed"],
            max_inbound_rpc_size=start["rpc_bytes_max"],
        )
        self.readers = {}
        self.told = set()

    async def run(self, listen, commands):
        async with self.host.run(listen_addrs=[Multiaddr(listen)]), trio.open_nursery() as nursery:
            self.nursery = nursery
            async with background_trio_service(self.pubsub), background_trio_service(self.router):
                await self.pubsub.wait_until_ready()
                addresses = [with_peer(address, self.host.get_id()) for address in self.host.get_addrs()]
                tell("ready", peer=str(self.host.get_id()), addresses=addresses)
                nursery.start_soon(self.look)
                async for line in commands:
                    command = json.loads(line)
                    if command["do"] == "stop":
                        break
                    try:
                        await self.obey(command)
                    except Exception as error:
                        tell("error", text=repr(error))
                nursery.cancel_scope.cancel()

    async def obey(self, command):
        match command["do"]:
            case "subscribe":
                subscription = await self.pubsub.subscribe(command["topic"])
                self.readers[command["topic"]] = scope = trio.CancelScope()
                self.nursery.start_soon(self.read, command["topic"], subscription, scope)
            case "unsubscribe":
                self.readers.pop(command["topic"]).cancel()
                await self.pubsub.unsubscribe(command["topic"])
            case "connect":
                await self.host.connect(info_from_p2p_addr(Multiaddr(command["address"])))
            case "publish":
                for payload in payloads(command):
                    await self.pubsub.publish(command["topic"], payload)
            case other:
                raise ValueError(f"what is {other}?")

    async def read(self, topic, subscription, scope):
        with scope:
            while True:
                message = await subscription.get()
                publisher = ID(message.from_id)
                if publisher != self.host.get_id():
                    tell("message", topic=topic, hash=hashlib.sha256(message.data).hexdigest(), **{"from": str(publisher)})

    async def look(self):
        while True:
            now = {("connected", str(peer), None) for peer in self.host.get_connected_peers()}
            for event, topics in ("subscribed", self.pubsub.peer_topics), ("grafted", self.router.mesh):
                now |= {(event, str(peer), topic) for topic, peers in topics.items() for peer in peers}
            for event, peer, topic in now - self.told:
                tell_of(event, peer, topic)
            opposite = {"connected": "disconnected", "grafted": "pruned"}
            for event, peer, topic in self.told - now:
                if event in opposite:
                    tell_of(opposite[event], peer, topic)
            self.told = now
            await trio.sleep(LOOK_EVERY)


def payloads(batch):
    for index in range(batch["first"], batch["first"] + batch["count"]):
        block = hashlib.sha256(batch["seed"].to_bytes(8, "big") + index.to_bytes(8, "big")).digest()
        yield (block * (batch["size"] // len(block) + 1))[: batch["size"]]


def with_peer(address, peer):
    text = str(address)
    return text if "/p2p/" in text else f"{text}/p2p/{peer}"


def tell_of(event, peer, topic):
    tell(event, peer=peer, **({"topic": topic} if topic is not None else {}))


def tell(event, **fields):
    sys.stdout.write(json.dumps({"event": event, **fields}) + "\n")
    sys.stdout.flush()


async def main():
    commands = trio.wrap_file(sys.stdin)
    start = json.loads(await commands.readline())
    await Peer(start).run(start["listen"], commands)


trio.run(main)
