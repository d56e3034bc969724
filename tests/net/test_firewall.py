# SPDX-License-Identifier: BSD-3-Clause
"""Two hosts and weir-fw between them: what host a begins passes, what host b begins does not."""
import signal

from bridge import BridgeTest
from namespaces import require, wait_until
from program import main
from test_bridge import MOVED

STATES = """table inet filter {
	chain forward {
		type filter hook forward priority filter; policy drop;
		ct state established,related,untracked accept
		ct state new iifname "inside" accept
	}
}
"""
SIZE = 10 << 20  # bytes of a download
# a connection is waited for so long, in s, when it is dropped silently; and when it is not, since
# others may hold this machine up
SILENCE, PATIENCE = 0.3, 30


class Firewall(BridgeTest):
    program = "WEIR_FW"
    workers = 1

    def start_bridge(self, net, *options):
        net.specs = [f"{name}={spec}" for name, spec in zip(("inside", "outside"), net.specs)]
        self.rules(STATES)
        return super().start_bridge(net, "--rules", self.folder / "rules.nft", "--workers", self.workers,
                                    *options)

    def rules(self, text):
        (self.folder / "new.nft").write_text(text)
        (self.folder / "new.nft").rename(self.folder / "rules.nft")

    def serve(self, net, host):
        server = net.start(host, "python3", "-m", "http.server", "--directory", self.folder,
                           "--bind", "::", 8080)
        self.addCleanup(server.wait)
        self.addCleanup(server.kill)
        wait_until(lambda: ":8080" in net.run(host, "ss", "-ltn"), "the server listens")

    def get(self, net, host, address, patience=SILENCE):
        """Status of curl: 0, or 28 when nobody answered in time."""
        return net.run(host, "sh", "-c", f"curl -sS -o got --connect-timeout {patience} "
                       f"http://{address}:8080/data 2>&1; echo status $?",
                       cwd=self.folder).split("status ")[1].strip()

    def passes(self, pair, log):
        net, process = self.bridge(pair)
        (self.folder / "data").write_bytes(bytes(range(256)) * (SIZE // 256))
        for host in "ab":
            self.serve(net, host)
        for address in net.address, lambda host: f"[{net.address6(host)}]":
            self.assertEqual(self.get(net, "a", address("b"), PATIENCE), "0")
            self.assertEqual((self.folder / "got").read_bytes(), (self.folder / "data").read_bytes())
            self.assertEqual(self.get(net, "b", address("a")), "28")
        self.assertIn("100% packet loss", net.run("b", "ping", "-q", "-c", 2, "-i", 0.01, "-W", SILENCE,
                                                  net.address("a"), check=False))
        self.rules(STATES.replace("inside", "outside"))
        process.send_signal(signal.SIGHUP)
        wait_until(lambda: self.get(net, "b", net.address("a")) == "0", "other rules")
        self.assertEqual(self.get(net, "a", net.address("b")), "28")
        report = self.finish(process, log)
        self.assertGreater(report["dropped"]["rules"], 4)
        self.assertEqual(report["firewall"]["reloads"], 1)

    def test_af_packet(self):
        self.passes(("af_packet", "af_packet"), "")

    def test_tap(self):
        self.workers = 2
        self.passes(("tap", "af_packet"), MOVED.replace("l2fwd", "fw"))


if __name__ == "__main__":
    require("curl", "ethtool", "ping", "ss")
    main()
