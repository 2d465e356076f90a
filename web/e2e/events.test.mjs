// The dashboard lives on what is told: one stream for a browser, and nothing asked while nothing changes.
import assert from "node:assert/strict";
import { connect, createServer } from "node:net";
import { after, before, test } from "node:test";
import { asked, signedInto } from "./hands.mjs";
import { settled, startBrowser, startHeadwater, until } from "./server.mjs";

let browser;
before(async () => {
  browser = await startBrowser();
});
after(() => browser.close());

const isStream = (p) => p === "/headwater/v1/events";

test("two tabs have one stream; nothing is asked while nothing changes, and what changes is shown in both", async (t) => {
  const server = await startHeadwater();
  t.after(() => server.close());
  const zone = await server.api("POST", "/client/v4/zones", { name: "example.com", account: { id: server.account } });
  const { page } = await signedInto(browser, t, { server });
  const home = `${server.url}/${server.account}/home`;
  const first = await asked(page);
  await page.goto(home);
  await page.getByRole("link", { name: "example.com", exact: true }).waitFor();
  await until("the stream", () => first.some(isStream));
  const second = await page.context().newPage();
  const other = await asked(second);
  await second.goto(home);
  await second.getByRole("link", { name: "example.com", exact: true }).waitFor();
  const count = () => first.length + other.length;
  for (let was = -1; was !== count(); ) {
    was = count();
    await new Promise((resolve) => setTimeout(resolve, 3_000)); // what they have begun comes to its end
  }
  for (const list of [first, other]) assert.ok(list.length <= 6, `${list.length} requests: ${list.join(", ")}`);
  assert.equal([...first, ...other].filter(isStream).length, 1);
  const before = count();
  await new Promise((resolve) => setTimeout(resolve, 12_000)); // longer than pages that are told nothing wait
  assert.deepEqual([...first, ...other].slice(before), []);
  assert.equal(count(), before, "something is asked while nothing changes");

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

/** Stands before a server, and cuts the streams of events that go through it, or has a moment pass before anything is passed on. */
async function between(t, url) {
  const streams = new Set();
  const asked = [];
  const front = createServer((from) => {
    const to = connect({ host: "127.0.0.1", port: Number(new URL(url).port) });
    from.on("data", (d) => {
      const [, path] = /^GET (\S+)/.exec(d.toString("latin1")) ?? [];
      if (path === undefined) return;
      asked.push(path);
      if (path.startsWith("/headwater/v1/events")) streams.add(from);
    });
    from.pipe(to).pipe(from);
    for (const [one, other] of [[from, to], [to, from]]) {
      one.on("error", () => undefined);
      one.on("close", () => other.destroy());
    }
    from.on("close", () => streams.delete(from));
  });
  await new Promise((resolve) => front.listen(0, "127.0.0.1", resolve));
  t.after(() => front.close());
  return { url: `http://127.0.0.1:${front.address().port}`, asked, streams, cut: () => [...streams].map((s) => s.destroy()).length };
}

test("a stream that is cut goes on where it was: nothing is read for that, and what came in between is told", async (t) => {
  const server = await startHeadwater();
  t.after(() => server.close());
  const make = (name) => server.api("POST", "/client/v4/zones", { name, account: { id: server.account } });
  await make("one.example");
  const way = await between(t, server.url);
  const { page } = await signedInto(browser, t, { server: { ...server, url: way.url } });
  const list = await asked(page);
  const shows = (name) => page.getByRole("link", { name, exact: true }).waitFor();
  await page.goto(`${way.url}/${server.account}/home`);
  await shows("one.example");
  await until("the stream", () => way.streams.size === 1);
  await settled(page);
  const before = list.length;
  assert.ok(before <= 6, `${before} requests: ${list.join(", ")}`);
  assert.equal(way.cut(), 1);
  await until("the stream again", () => way.streams.size === 1);
  await new Promise((resolve) => setTimeout(resolve, 6_000)); // longer than a stream may be away
  assert.deepEqual(list.slice(before).filter((p) => !isStream(p)), [], "something was read because the stream was cut");

  // What happens while it is away is told when it is back.
  assert.equal(way.cut(), 1);
  await make("two.example");
  await shows("two.example");
  await until("the stream again", () => way.streams.size === 1);
});

test("what changes between what was read and the stream is told by the stream; where that is not known any more, all is read anew", async (t) => {
  const server = await startHeadwater();
  t.after(() => server.close());
  const make = (name) => server.api("POST", "/client/v4/zones", { name, account: { id: server.account } });
  await make("one.example");
  const { page } = await signedInto(browser, t, { server });
  const list = await asked(page);
  const lists = () => list.filter((p) => p === "/headwater/v1/zones").length;
  /** Loads the home, and lets the stream begin when that is read and something has been done. */
  const load = async (meanwhile) => {
    let go;
    const late = new Promise((resolve) => (go = resolve));
    await page.route("**/headwater/v1/events*", (r) => late.then(() => r.continue()));
    list.length = 0;
    await page.goto(`${server.url}/${server.account}/home`);
    await page.getByRole("link", { name: "one.example", exact: true }).waitFor();
    await settled(page);
    assert.equal(lists(), 2);
    await meanwhile?.();
    go();
  };
  await load(() => make("two.example"));
  await page.getByRole("link", { name: "two.example", exact: true }).waitFor();

  await page.route("**/headwater/v1/session", async (r) => {
    const answer = await r.fetch();
    const body = await answer.json();
    body.result.events_cursor = "0.0.0"; // of a history that is lost
    await r.fulfill({ response: answer, json: body });
  });
  await page.unroute("**/headwater/v1/events*");
  await load();
  await until("all read anew", () => lists() === 4);
});
