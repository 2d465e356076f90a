// What is wrong with a secondary is shown by its cause, with what to do about it.
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { after, before, test } from "node:test";
import { fill } from "./fixture.mjs";
import { signedInto } from "./hands.mjs";
import { startBrowser, startHeadwater } from "./server.mjs";

let browser;
before(async () => {
  browser = await startBrowser();
});
after(() => browser.close());

/** A server over UDP that answers every question for an SOA with a serial. */
async function answering(serial) {
  const socket = createSocket("udp4");
  socket.on("message", (query, from) => {
    if ((query[2] & 0x78) !== 0) return; // a NOTIFY
    const end = query.indexOf(0, 12) + 5;
    const data = Buffer.alloc(22);
    data.writeUInt32BE(serial, 2);
    const answer = Buffer.concat([query.subarray(0, end), Buffer.from("c00c000600010000003c0016", "hex"), data]);
    answer.writeUInt16BE(0x8400, 2);
    answer.writeUInt16BE(1, 6);
    answer.fill(0, 8, 12);
    socket.send(answer, from.port, from.address);
  });
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  return socket;
}

test("a secondary ahead of us is shown as that, and our serial is raised past it", async (t) => {
  const server = await startHeadwater("--probe-interval", "500ms");
  t.after(() => server.close());
  const { page } = await signedInto(browser, t, { server });
  const secondary = await answering(2026112801);
  t.after(() => secondary.close());
  await fill(server, { ip: "127.0.0.1", port: secondary.address().port });
  await page.goto(`${server.url}/${server.account}/example.com/secondaries`);
  const card = page.getByRole("region", { name: "ns-secondary-1" });
  await card.getByText("Ahead", { exact: true }).waitFor();
  await card.getByText("It holds serial 2026112801").waitFor();
  await card.getByRole("button", { name: "Raise our serial to 2026112802" }).click();
  await page.getByText("Serial raised").waitFor();
  await card.getByText("Behind", { exact: true }).waitFor();
});
