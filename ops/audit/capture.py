"""Looks for byte strings in whatever TCP carries from or to a network, on all interfaces that it sees.

Standard input: one line of JSON, {"network": "172.30.17.2/24", "needles": {"name": "text"}}; its end ends the capture.
Standard output: "ready" once it listens, then one line of JSON at the end:
{"packets": with a payload, "dropped": those that came too fast, "ports": that took part, "found": [[name, "from", "to"]]}.
It needs the right to open raw sockets, and writes down nothing of what it sees.
"""

import ipaddress
import json
import select
import socket
import struct
import sys

ETH_P_ALL = 0x0003
ETH_P_IP = 0x0800
SOL_PACKET, PACKET_STATISTICS = 263, 6
TCP = 6


def payload(packet):
    """Both ends of a TCP segment and what it carries; None where the packet is no such segment."""
    header = (packet[0] & 15) * 4
    if packet[0] >> 4 != 4 or packet[9] != TCP or len(packet) < header + 20:
        return None
    length = struct.unpack_from("!H", packet, 2)[0]
    source, destination = (str(ipaddress.IPv4Address(packet[at : at + 4])) for at in (12, 16))
    from_port, to_port = struct.unpack_from("!HH", packet, header)
    # Short frames are padded. A segment that the card is to cut up has no length of its own.
    end = length or len(packet)
    return (source, from_port), (destination, to_port), packet[header + (packet[header + 12] >> 4) * 4 : end]


def main():
    order = json.loads(sys.stdin.readline())
    network = ipaddress.IPv4Network(order["network"], strict=False)
    needles = {name: text.encode() for name, text in order["needles"].items()}
    overlap = max(map(len, needles.values())) - 1
    packets, ports, tails, found = 0, set(), {}, set()
    with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_ALL)) as wire:
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2**26)
        print("ready", flush=True)
        while True:
            readable, _, _ = select.select([wire, sys.stdin], [], [])
            if wire in readable:
                packet, (_, protocol, *_) = wire.recvfrom(2**16)
                segment = payload(packet) if protocol == ETH_P_IP and len(packet) >= 40 else None
                if segment is None or not segment[2]:
                    continue
                source, destination, data = segment
                if not any(ipaddress.IPv4Address(address) in network for address, _ in (source, destination)):
                    continue
                packets += 1
                ports |= {source[1], destination[1]}
                # A string may begin in one segment and end in the next.
                seen = tails.get((source, destination), b"") + data
                tails[source, destination] = seen[-overlap:]
                found |= {(name, *map("%s:%d".__mod__, (source, destination))) for name, text in needles.items() if text in seen}
            elif sys.stdin.read(1) == "":
                break
        _, dropped = struct.unpack("II", wire.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))
    print(json.dumps({"packets": packets, "dropped": dropped, "ports": sorted(ports), "found": sorted(found)}))


if __name__ == "__main__":
    main()
