// The dashboard lives on what is told: one stream for a browser, and nothing asked while nothing changes.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { signedInto } from "./hands.mjs";
import { settled, startBrowser, startHeadwater, until } from "./server.mjs";

let browser;
before(async () => {
  browser = await startBrowser();
});
after(() => browser.close());

/** Requests of the API that a page makes, by path. */
function asked(page) {
  const list = [];
  page.on("request", (r) => /\/(client|headwater)\//.test(r.url()) && list.push(new URL(r.url()).pathname));
  return list;
}

const isStream = (p) => p === "/headwater/v1/events";

test("two tabs have one stream; nothing is asked while nothing changes, and what changes is shown in both", async (t) => {
  const server = await startHeadwater();
  t.after(() => server.close());
  const zone = await server.api("POST", "/client/v4/zones", { name: "example.com", account: { id: server.account } });
  const { page } = await signedInto(browser, t, { server });
  const home = `${server.url}/${server.account}/home`;
  const first = asked(page);
  await page.goto(home);
  await page.getByRole("link", { name: "example.com", exact: true }).waitFor();
  await until("the stream", () => first.some(isStream));
  const second = await page.context().newPage();
  const other = asked(second);
  await second.goto(home);
  await second.getByRole("link", { name: "example.com", exact: true }).waitFor();
  await new Promise((resolve) => setTimeout(resolve, 3_000)); // what they have begun comes to its end
  // What was read before the stream began is read once more: how much that is depends on which of them is quicker.
  assert.ok(new Set(first).size <= 6 && first.length <= 10, `${first.length} requests: ${first.join(", ")}`);
  assert.equal([...first, ...other].filter(isStream).length, 1);
  const before = first.length + other.length;
  await new Promise((resolve) => setTimeout(resolve, 12_000)); // longer than pages that are told nothing wait
  assert.deepEqual([...first, ...other].slice(before), []);
  assert.equal(first.length + other.length, before, "something is asked while nothing changes");

  const serial = () => server.api("GET", `/headwater/v1/zones?account.id=${server.account}`).then(([z]) => String(z.serial));
  await server.api("POST", `/client/v4/zones/${zone.id}/dns_records`, { type: "A", name: "www", content: "192.0.2.1" });
  const now = await serial();
  for (const p of [page, second]) await p.getByRole("cell", { name: now, exact: true }).waitFor();

  // The one that reads goes: the other takes over.
  await page.close();
  await until("the stream in the other tab", () => other.some(isStream));
  await server.api("POST", `/client/v4/zones/${zone.id}/dns_records`, { type: "A", name: "www2", content: "192.0.2.1" });
  await second.getByRole("cell", { name: await serial(), exact: true }).waitFor();
});

test("records that somebody else changes are shown at once; where nothing is told, pages ask", async (t) => {
  const { server, page } = await signedInto(browser, t);
  const zone = await server.api("POST", "/client/v4/zones", { name: "example.com", account: { id: server.account } });
  await page.goto(`${server.url}/${server.account}/example.com/dns/records`);
  await settled(page).catch(() => undefined); // a stream is never idle
  await page.getByText("0 records", { exact: true }).waitFor();
  await server.api("POST", `/client/v4/zones/${zone.id}/dns_records`, { type: "A", name: "www", content: "192.0.2.1" });
  await page.getByRole("cell", { name: "www.example.com", exact: true }).waitFor();

  await page.route("**/headwater/v1/events*", (r) => r.abort());
  await page.goto(`${server.url}/${server.account}/home`);
  const link = page.getByRole("link", { name: "example.org", exact: true });
  await page.getByRole("link", { name: "example.com", exact: true }).waitFor();
  await server.api("POST", "/client/v4/zones", { name: "example.org", account: { id: server.account } });
  await link.waitFor({ timeout: 30_000 });
});
