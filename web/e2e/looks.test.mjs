// What each page says first and how much room it takes, for those who work with it daily: at a desk and on a phone.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { fill } from "./fixture.mjs";
import { clean, cutOff, formDialog, signedInto } from "./hands.mjs";
import { freePort } from "./nsd.mjs";
import { settled, startBrowser, startHeadwater, until } from "./server.mjs";

const phone = { width: 390, height: 844 };

let browser, server, made;
before(async () => {
  browser = await startBrowser();
  server = await startHeadwater("--resolver", `127.0.0.1:${await freePort()}`); // where nothing listens
  made = await fill(server, { ip: "127.0.0.1", port: await freePort() });
});
after(async () => {
  await browser.close();
  await server.close();
});

const at = (path) => `${server.url}/${server.account}/${path}`;

async function into(t, path, context = {}) {
  const { page } = await signedInto(browser, t, { server, context: { bypassCSP: true, timezoneId: "Asia/Kolkata", ...context } });
  await page.goto(at(path));
  await settled(page);
  return page;
}

test("on a phone the first record is seen without scrolling, however many notes there are, and each note is a tap away", async (t) => {
  const cname = await server.api("POST", "/client/v4/zones", { name: "notes.example", account: { id: server.account } });
  const posts = [
    { type: "CNAME", name: "@", content: "example.com" },
    { type: "A", name: "www", content: "192.0.2.1", proxied: true },
    { type: "A", name: "mail", content: "192.0.2.2" },
  ];
  await server.api("POST", `/client/v4/zones/${cname.id}/dns_records/batch`, { posts });
  const outgoing = `/client/v4/zones/${cname.id}/secondary_dns/outgoing`;
  await server.api("POST", outgoing, { name: cname.name, peers: [made.peer.id] });
  await server.api("POST", `${outgoing}/enable`, {});
  const page = await into(t, "notes.example/dns/records", { viewport: phone });
  const first = page.getByRole("cell", { name: "mail.notes.example", exact: true });
  await first.waitFor();
  const fold = page.getByRole("button", { name: "2 notes on these records" });
  await fold.waitFor();
  const top = (await page.locator("tbody tr").first().boundingBox()).y;
  assert.ok(top < phone.height / 2, `the first record begins ${top} px down`);
  const note = page.getByText("1 proxied record while outgoing zone transfers are on");
  assert.equal(await note.isVisible(), false);
  await fold.press("Enter");
  await note.waitFor();
  assert.equal(await fold.getAttribute("aria-expanded"), "true");
  await clean(page, "records, 390 px");
  // A single note is its own button, and longer than a phone is wide.
  await server.api("DELETE", `/client/v4/zones/${cname.id}/dns_records/${(await server.api("GET", `/client/v4/zones/${cname.id}/dns_records?type=CNAME`))[0].id}`);
  await page.reload();
  await page.getByRole("button", { name: "1 proxied record while outgoing zone transfers are on" }).waitFor();
  assert.deepEqual(await page.evaluate(cutOff), []);
});

test("where the parent cannot be asked, the page says so in words and not in those of a program", async (t) => {
  const page = await into(t, "example.com/dns/settings");
  const said = page.getByRole("region", { name: "What the parent says" });
  await said.getByText(/The parent could not be asked\. This server's resolver does not help: nothing listens there\./).waitFor();
  const raw = /dial|lookup|read udp|connection refused|127\.0\.0\.1:\d+/;
  assert.doesNotMatch(await page.locator("main").innerText(), raw);
  // Whoever runs the server finds them.
  await said.getByText("For whoever runs the server").click();
  await until("the error as it was", async () => raw.test(await said.innerText()));
});

for (const [path, field] of [
  ["example.com/history", (page) => page.getByRole("list", { name: "Changes, newest first" }).getByRole("listitem")],
  ["audit-log", (page) => page.getByRole("region", { name: "Audit log" }).getByRole("row", { name: /added 8 records in example\.com/ })],
]) {
  test(`what was changed is found by a date, or a date and time, as ISO 8601 writes them: ${path}`, async (t) => {
    const page = await into(t, path);
    const [from, end] = [page.getByLabel("From", { exact: true }), page.getByLabel("Until", { exact: true })];
    const list = field(page);
    await list.first().waitFor();
    const typed = async (where, text) => {
      await where.fill(text);
      await where.press("Enter");
    };
    // What is none is said at the field, and looks for nothing; the keyboard stays.
    for (const bad of ["11/29/2026", "2026-02-30", "2026-11-29 25:00"]) {
      await typed(from, bad);
      await page.getByText("Write it as 2026-11-30, or 2026-11-30 14:30.").waitFor();
      assert.equal(await from.getAttribute("aria-invalid"), "true");
      assert.doesNotMatch(page.url(), /since=/);
      assert.ok(await from.evaluate((e) => e === document.activeElement));
    }
    await clean(page, path);
    const asked = () => page.waitForRequest((r) => /since=|before=/.test(r.url()));
    let request = asked();
    await typed(from, "2020-01-31");
    assert.equal(new URL((await request).url()).searchParams.get("since"), "2020-01-30T18:30:00.000Z"); // where the reader is
    await list.first().waitFor();
    request = asked();
    await typed(end, "2020-01-31 14:30");
    // The minute that was written belongs to it.
    assert.equal(new URL((await request).url()).searchParams.get("before"), "2020-01-31T09:01:00.000Z");
    await list.first().waitFor({ state: "detached" });
    assert.equal(await end.inputValue(), "2020-01-31 14:30");
    // The address holds both, and nothing is needed but the keyboard to be rid of them.
    await page.reload();
    await page.getByText(/^(No changes|Nothing found)$/).waitFor();
    await typed(end, "");
    await list.first().waitFor();
    assert.equal(await from.inputValue(), "2020-01-31");
  });
}

test("the matrix tells how many copies are in which state", async (t) => {
  const page = await into(t, "secondaries");
  const states = page.getByRole("list", { name: "States, and how many copies are in each" });
  const marks = page.getByRole("region", { name: "Zones and secondaries" }).getByRole("img");
  await marks.first().waitFor();
  await until("counts that are those of the marks", async () => {
    const [counts, shown] = [await states.getByRole("listitem").allInnerTexts(), await marks.evaluateAll((all) => all.map((m) => m.getAttribute("aria-label").replace(/,.*/, "").toLowerCase()))];
    const said = Object.fromEntries(counts.map((c) => /(\d+)\s*(.*)$/s.exec(c).slice(1)).map(([n, state]) => [state.trim(), Number(n)]));
    return shown.length > 0 && JSON.stringify(Object.entries(said).sort()) === JSON.stringify([...new Set(shown)].map((s) => [s, shown.filter((x) => x === s).length]).sort());
  });
});

test("all that a token opens is named", async (t) => {
  const groups = await server.api("GET", "/client/v4/user/tokens/permission_groups");
  const page = await into(t, "api-tokens");
  const row = page.getByRole("region", { name: "API tokens" }).getByRole("row", { name: /First token/ });
  const more = row.getByText(/^and \d+ more permissions$/);
  const hidden = groups.at(-1).name;
  assert.equal(await row.getByText(hidden).isVisible(), false);
  assert.match(await more.getAttribute("title"), new RegExp(hidden));
  await more.focus();
  await page.keyboard.press("Enter");
  await row.getByText(hidden).waitFor();
  // Its last day, too, is typed as times are written elsewhere.
  await page.getByRole("button", { name: "Edit First token" }).click();
  await formDialog(page).getByLabel("Last day").fill("2030-02-30");
  await formDialog(page).getByText("Write it as 2026-11-30.").waitFor();
  await until("what may not be pressed to be dead", () => formDialog(page).getByRole("button", { name: "Save" }).isDisabled());
});

test("pages that are empty say what they are for and what to do first", async (t) => {
  const page = await into(t, "home");
  for (const [path, title] of [
    ["example.com/dns/updates", "No update policy yet"],
    ["example.com/drafts", "No drafts"],
    ["deleted-zones", "Nothing to bring back"],
    ["alarms?tab=cleared", "No alarm has cleared"],
  ]) {
    await page.goto(at(path));
    const begin = page.getByRole("region", { name: title });
    await begin.getByRole("heading", { name: title }).waitFor();
    assert.ok((await begin.getByRole("list", { name: "What to do first" }).getByRole("listitem").count()) >= 2, path);
  }
});

test("the first steps lead on: to the one that is next, and once all are done to what comes then", async (t) => {
  const page = await into(t, "get-started");
  const next = page.getByRole("link", { name: "Next: see the secondary in step" });
  await next.waitFor();
  assert.equal(await page.locator('[aria-current="step"]').count(), 1);
  await next.click();
  await page.waitForURL(/example\.com\/secondaries$/);
});

test("where there are few zones, the home shows what was changed last", async (t) => {
  const page = await into(t, "home");
  const list = page.getByRole("list", { name: "Last changes of the account" });
  await list.waitFor();
  await server.api("POST", `/client/v4/zones/${made.zone.id}/dns_records`, { type: "TXT", name: "seen", content: "now" });
  await list.getByText("added TXT seen.example.com").waitFor(); // as it is made
});

test("all pages begin at the same edge and are as wide as there is room", async (t) => {
  const page = await into(t, "home", { viewport: { width: 1920, height: 1080 } });
  const edges = new Set();
  for (const path of [`${server.account}/home`, `${server.account}/settings`, `${server.account}/members`, `${server.account}/get-started`, `${server.account}/example.com/dns/settings`, "users", "profile", "server"]) {
    await page.goto(`${server.url}/${path}`);
    await settled(page);
    const [title, card] = await Promise.all([page.locator("h1").boundingBox(), page.locator("main :is(section, [role=region])").last().boundingBox()]);
    edges.add(Math.round(title.x));
    assert.ok(card.x + card.width >= 1850, `${path} ends at ${card.x + card.width}`);
  }
  assert.equal(edges.size, 1, [...edges].join(", "));
});

test("on a phone a rule of alarms takes two lines, and a hash takes one until all of it is wanted", async (t) => {
  const page = await into(t, "alarms?tab=rules", { viewport: phone });
  const row = page.getByRole("region", { name: "Alarm rules" }).locator("tbody tr").first();
  assert.ok((await row.boundingBox()).height <= 64, `${(await row.boundingBox()).height} px`);
  await server.api("PATCH", `/client/v4/zones/${made.zone.id}/dnssec`, { status: "active" });
  await page.goto(at("example.com/dns/settings/dnssec"));
  const all = page.getByRole("button", { name: "All of DS record" });
  await all.waitFor({ timeout: 60_000 });
  const high = async () => (await page.getByRole("region", { name: "DS record for the registrar" }).locator("dd span").first().boundingBox()).height;
  assert.ok((await high()) < 30, `${await high()} px`);
  await all.press("Enter");
  await until("all of it", async () => (await high()) > 40);
  await clean(page, "DNSSEC, 390 px");
});
