// What is wrong with a secondary is shown by its cause, with what to do about it.
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { after, before, test } from "node:test";
import { fill } from "./fixture.mjs";
import { formDialog, signedInto } from "./hands.mjs";
import { freePort, startNSD } from "./nsd.mjs";
import { startBrowser, startHeadwater, until } from "./server.mjs";

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

test("a key is rotated while a secondary follows all the time, and is retired when nobody uses it", async (t) => {
  const server = await startHeadwater("--probe-interval", "500ms");
  t.after(() => server.close());
  const { page } = await signedInto(browser, t, { server });
  const port = await freePort();
  const { zone, tsig } = await fill(server, { ip: "127.0.0.1", port });
  const nsd = await startNSD({ port, primary: server.dns, zone: "example.com", key: tsig });
  t.after(() => nsd.close());
  const follows = async (content) => {
    await server.api("POST", `/client/v4/zones/${zone.id}/dns_records`, { type: "A", name: "probe", content });
    await until(`${content} at the secondary`, async () => (await nsd.addresses("probe.example.com")).includes(content), 60_000);
  };
  await follows("192.0.2.101");
  await page.goto(`${server.url}/${server.account}/configurations/dns-zone-transfers?tab=tsig`);
  await page.getByRole("button", { name: "Rotate transfer.example.com." }).click();
  await formDialog(page).getByRole("button", { name: "Begin" }).click();
  const row = formDialog(page).getByRole("row", { name: /ns-secondary-1/ });
  await row.getByText(/Uses the old key|Has not asked yet/).waitFor();
  const retire = formDialog(page).getByRole("button", { name: "Retire transfer.example.com." });
  if (!(await retire.isDisabled())) throw new Error("the old key could be retired while it is used");
  await follows("192.0.2.102"); // with the old one

  const keys = () => server.api("GET", `/client/v4/accounts/${server.account}/secondary_dns/tsigs`);
  await nsd.rekey((await keys()).find((k) => k.name === "transfer-2.example.com."));
  await row.getByText("Uses the new key").waitFor({ timeout: 60_000 });
  await retire.click();
  await page.getByText("transfer.example.com. is retired").waitFor();
  await until("one key", async () => (await keys()).length === 1);
  await follows("192.0.2.103");
});
