// Forms and lists as people meet them: what a record will be, what is wrong with what was typed, tokens, times, wide screens.
import assert from "node:assert/strict";
import { utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fill } from "./fixture.mjs";
import { choose, clean, formDialog, signedInto, submit } from "./hands.mjs";
import { freePort } from "./nsd.mjs";
import { settled, startBrowser, startHeadwater, until } from "./server.mjs";

let browser, server, made;
before(async () => {
  browser = await startBrowser();
  server = await startHeadwater();
  made = await fill(server, { ip: "127.0.0.1", port: await freePort() }); // where nothing listens
});
after(async () => {
  await browser.close();
  await server.close();
});

const into = async (t, path, context = {}) => {
  const at = await signedInto(browser, t, { server, context: { bypassCSP: true, ...context } });
  await at.page.goto(`${server.url}/${server.account}/${path}`);
  await settled(at.page);
  return at.page;
};
const records = (query) => server.api("GET", `/client/v4/zones/${made.zone.id}/dns_records?per_page=100&${query}`);

test("the form of a record says what it will be, keeps what was typed, and tells each fault at its place", async (t) => {
  const page = await into(t, "example.com/dns/records");
  await page.getByRole("button", { name: "Add record" }).click();
  const form = page.getByRole("form", { name: "Add record" });
  const name = form.getByLabel("Name (required)");
  const says = (text) => form.getByText(text).first().waitFor();

  // An outside name becomes a name of the zone, and the form says so before it is saved.
  await name.fill("www.example.org");
  await form.getByLabel("IPv4 address (required)").fill("192.0.2.1");
  await says("www.example.org.example.com answers 192.0.2.1.");
  for (const [typed, fault] of [
    ["www.example.org.", "this is a whole name, and it is not in example.com"],
    ["two words", "A name has no blanks in it."],
    ["a..b", "nothing between two dots"],
    [`${"x".repeat(64)}`, "at most 63 characters"],
  ]) {
    await name.fill(typed);
    await says(fault);
    await until("what may not be pressed to be dead", () => form.getByRole("button", { name: "Save", exact: true }).isDisabled());
  }
  await name.fill("kept");
  await form.getByLabel("Tags").fill("no blanks allowed, ok:1");
  await says(/“no blanks allowed” is no tag: name or name:value/);
  await form.getByLabel("Tags").fill("ok:1");

  // Another type keeps what was typed; what does not fit it says why.
  await choose(form, page, "Type", "SRV");
  await form.getByLabel("Port (required)").fill("5060");
  await choose(form, page, "Type", "CNAME");
  assert.equal(await form.getByLabel("Target (required)").inputValue(), "192.0.2.1");
  await choose(form, page, "Type", "SRV");
  assert.equal(await form.getByLabel("Port (required)").inputValue(), "5060");
  await choose(form, page, "Type", "MX");
  await form.getByRole("button", { name: "Save", exact: true }).click();
  await says(/Content for MX record must be a hostname/);
  assert.equal(await form.getByText(/Content for MX record must be a hostname/).count(), 1, "the message stands once");
  await until("the keyboard at the field at fault", () => form.getByLabel("Mail server (required)").evaluate((e) => e === document.activeElement), 5_000);

  // Fields that have the same name are told apart; a latitude stands in one row.
  await choose(form, page, "Type", "SSHFP");
  await form.getByLabel("Fingerprint type (required)").waitFor();
  await choose(form, page, "Type", "LOC");
  const tops = await Promise.all(["Latitude: degrees", "Minutes", "Seconds", "Direction"].map(async (l) => Math.round((await form.getByLabel(l).first().boundingBox()).y)));
  assert.ok(Math.max(...tops) - Math.min(...tops) < 12, `the latitude stands at ${tops}`);

  // One after the other: where they go stays, what they are does not, and the keyboard is at the next name.
  await choose(form, page, "Type", "A");
  await form.getByLabel("IPv4 address (required)").fill("192.0.2.31");
  await choose(form, page, "TTL", "5 min");
  await form.getByRole("button", { name: "Save and add another" }).click();
  await until("the next name", async () => (await name.inputValue()) === "" && (await name.evaluate((e) => e === document.activeElement)));
  await page.keyboard.type("next");
  await form.getByLabel("IPv4 address (required)").fill("192.0.2.32");
  await page.keyboard.press("Enter");
  await form.waitFor({ state: "detached" });
  assert.deepEqual((await records("tag=ok:1")).map((r) => [r.name, r.content, r.ttl]).sort(), [
    ["kept.example.com", "192.0.2.31", 300],
    ["next.example.com", "192.0.2.32", 300],
  ]);
});

test("contents are of one width, unfold, and are copied", async (t) => {
  const long = `v=DKIM1; p=${"A1".repeat(150)}`;
  await server.api("POST", `/client/v4/zones/${made.zone.id}/dns_records`, { type: "TXT", name: "dkim", content: `"${long.slice(0, 200)}" "${long.slice(200)}"` });
  const page = await into(t, "example.com/dns/records?search=dkim", { permissions: ["clipboard-read", "clipboard-write"] });
  const row = page.getByRole("row", { name: /^.*TXT dkim/ });
  await row.getByRole("button", { name: "all of it" }).click();
  const shown = row.getByRole("cell").filter({ hasText: "v=DKIM1" });
  assert.match(await shown.evaluate((e) => getComputedStyle(e).fontFamily), /mono/i);
  assert.ok((await shown.innerText()).replaceAll(/\s|"/g, "").includes(long.replaceAll(" ", "")), "not all of it");
  assert.equal(await row.locator(".dim").first().innerText(), ".example.com"); // the zone's part stands back
  await row.getByRole("button", { name: "Copy content of TXT dkim.example.com" }).click();
  await page.getByText("Content of TXT dkim.example.com copied").waitFor();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), (await records("type=TXT&name=dkim.example.com"))[0].content);
});

test("tokens are made from templates for some zones and addresses, tried, and edited", async (t) => {
  const page = await into(t, "api-tokens");
  await page.getByRole("button", { name: "Create Token" }).click();
  const form = formDialog(page);
  await form.getByLabel("Token name").fill("robot");
  await form.getByRole("button", { name: "Edit records" }).click();
  assert.deepEqual(await form.getByRole("checkbox", { checked: true }).evaluateAll((l) => l.length), 2);
  for (const zone of ["example.com", "example.org"]) await choose(form, page, "Zone resources", zone);
  await form.getByRole("list", { name: "Zones of the token" }).getByText("example.org").waitFor();
  await form.getByLabel("Only from (optional)").fill("127.0.0.1, nonsense");
  await form.getByRole("button", { name: "Create Token" }).click();
  await form.getByText("This is not an address range in CIDR form.").waitFor();
  assert.equal(await form.getByText("This is not an address range in CIDR form.").count(), 1);
  await clean(page, "the form of a token");
  await form.getByLabel("Only from (optional)").fill("127.0.0.0/8");
  await form.getByLabel("Never from (optional)").fill("127.0.0.9");
  await form.getByRole("button", { name: "Create Token" }).click();
  const shown = page.getByRole("dialog", { name: "Your API token" });
  const line = await shown.getByText(/^curl -H/).innerText();
  const [, header, url] = /^curl -H "([^"]+)" (\S+)$/.exec(line);
  const answer = await fetch(url, { headers: { Authorization: header.split(": ")[1] } });
  assert.equal(answer.status, 200, "what is to be tried works");
  await clean(page, "a new token");
  await shown.getByRole("button", { name: "Close" }).click();

  const token = async () => (await server.api("GET", "/client/v4/user/tokens?per_page=50")).find((x) => /^robot/.test(x.name));
  const before = await token();
  assert.deepEqual([before.policies.length, Object.keys(before.policies[0].resources).length, before.condition], [1, 2, { request_ip: { in: ["127.0.0.0/8"], not_in: ["127.0.0.9/32"] } }]);
  await page.getByRole("row", { name: /robot/ }).getByText("from 127.0.0.0/8, never from 127.0.0.9/32").waitFor();
  await page.getByRole("button", { name: "Edit robot" }).click();
  await form.getByRole("button", { name: "Leave out example.org" }).click();
  await form.getByLabel("Never from (optional)").fill("");
  await submit(page, { "Token name": "robot 2" }, "Save");
  await until("the edit", async () => (await token()).name === "robot 2");
  const now = await token();
  assert.deepEqual([Object.keys(now.policies[0].resources), now.condition], [[`com.cloudflare.api.account.zone.${made.zone.id}`], { request_ip: { in: ["127.0.0.0/8"] } }]);
  assert.equal((await fetch(url, { headers: { Authorization: header.split(": ")[1] } })).status, 200, "its value stays");
});

test("times have a zone, seconds stand in words, the serial and who holds it are told, a mailbox is taken as an address", async (t) => {
  const page = await into(t, "example.com/dns/settings", { timezoneId: "Asia/Kolkata", locale: "en-US" });
  const card = page.getByRole("region", { name: "SOA record" });
  const { serial } = await server.api("GET", `/headwater/v1/zones/${made.zone.id}/secondaries`);
  await card.getByText(`Serial ${serial}, counted by the server; 0 of 1 secondary have it.`).waitFor();
  await card.getByText("2 hours 46 minutes").waitFor(); // 10000 s
  await card.getByLabel("Responsible (RNAME)").fill("first.last@example.com");
  await card.getByText("In the record: first\\.last.example.com").waitFor();
  await card.getByRole("button", { name: "Save SOA" }).click();
  const rname = async () => (await server.api("GET", `/client/v4/zones/${made.zone.id}/dns_settings`)).soa.rname;
  await until("the mailbox", async () => (await rname()) === "first\\.last.example.com");
  await card.getByText("Mail to first.last@example.com").waitFor();

  // What is refused says why, as the title: no "That did not work".
  await page.route("**/dns_settings", (r) => (r.request().method() === "PATCH" ? r.fulfill({ status: 400, json: { success: false, errors: [{ code: 1, message: "Out of order." }], messages: [], result: null } }) : r.continue()));
  await page.getByRole("switch", { name: "Flatten all CNAME records" }).click();
  await page.getByText("Out of order.").first().waitFor();
  assert.equal(await page.getByText("That did not work").count(), 0);

  await page.goto(`${server.url}/${server.account}/audit-log`);
  await page.getByRole("cell", { name: /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC\+5:30$/ }).first().waitFor();
});

test("on a wide screen tables have all of it, and settings stand in two columns", async (t) => {
  const page = await into(t, "home", { viewport: { width: 2560, height: 1440 } });
  for (const [path, region] of [["home", "Zones"], ["example.com/dns/records", "Records"], ["audit-log", "Audit log"], ["api-tokens", "API tokens"], ["configurations/dns-zone-transfers?tab=peers", "peer"]]) {
    await page.goto(`${server.url}/${server.account}/${path}`);
    await settled(page);
    const box = await page.getByRole("region", { name: region }).first().boundingBox();
    assert.ok(box.width > 2000, `${path}: ${box.width} px of 2560`);
  }
  await page.goto(`${server.url}/${server.account}/example.com/dns/settings`);
  await settled(page);
  const [left, right] = await Promise.all(["DNS Zone Transfers", "SOA record"].map((name) => page.getByRole("region", { name }).first().boundingBox()));
  assert.ok(right.x > left.x + left.width, "one column");
});

test("a file that was mended on disk after it was chosen is asked for again, and then goes in", async (t) => {
  const page = await into(t, "example.org/dns/records");
  const file = join(server.folder, "mended.zone");
  await writeFile(file, "bad 300 IN A 192.0.2\n");
  await page.getByRole("button", { name: "Import" }).click();
  const form = formDialog(page);
  await form.locator("input[type=file]").setInputFiles(file);
  await form.getByText("mended.zone").waitFor();
  await writeFile(file, "mended 300 IN A 192.0.2.7\nmore 300 IN A 192.0.2.8\n");
  const later = Date.now() / 1000 + 60; // browsers tell files apart by the second in which they were written
  await utimes(file, later, later);
  await form.getByRole("button", { name: "Show what it does" }).click();
  await form.getByText("The file has changed since it was chosen. Choose it again.").waitFor();
  await form.locator("input[type=file]").setInputFiles(file);
  await form.getByRole("button", { name: "Show what it does" }).click();
  await page.getByRole("dialog", { name: "What the import does" }).getByText("Added: 2 lines").waitFor();
});

test("what happens again and again is one line of a secondary's timeline", async (t) => {
  const page = await into(t, "example.com/secondaries");
  const timeline = page.getByRole("list", { name: "Timeline of ns-secondary-1" });
  await timeline.getByText(/× \d+ since \d{4}-/).first().waitFor(); // probed twice at least
  const lines = await timeline.getByRole("listitem").allInnerTexts();
  assert.equal(lines.filter((l) => /probe/.test(l)).length, 1, lines.join("\n"));
  assert.doesNotMatch(lines.join("\n"), /127\.0\.0\.1:\d+->/, "our random port");
});
