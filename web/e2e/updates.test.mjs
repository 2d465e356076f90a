// Zone > Dynamic updates: keys are let in by templates and by hand, the text to paste works, and the secret is nowhere.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { choose, clean, escape, formDialog, refusal, signedInto, submit } from "./hands.mjs";
import { settled, startBrowser, startHeadwater, until } from "./server.mjs";

let browser, server, n = 0;
before(async () => {
  browser = await startBrowser();
  server = await startHeadwater();
});
after(async () => {
  await browser.close();
  await server.close();
});

const keys = () => `/client/v4/accounts/${server.account}/secondary_dns/tsigs`;

/** The page of a fresh zone, signed in. */
async function at(t, context = {}) {
  const name = `updates${n++}.example`;
  const zone = await server.api("POST", "/client/v4/zones", { name, account: { id: server.account } });
  const into = await signedInto(browser, t, { server, context: { bypassCSP: true, ...context } });
  await into.page.goto(`${server.url}/${server.account}/${name}/dns/updates`);
  await settled(into.page);
  return { ...into, zone, policies: () => server.api("GET", `/headwater/v1/zones/${zone.id}/update_policies`) };
}

test("without keys the way to make one is named; then a key is let in for certificates, and what is to be pasted works", async (t) => {
  const { page, zone, policies, complaints } = await at(t);
  await page.getByText("Off. No key may send updates (RFC 2136).").waitFor();
  await clean(page, "no policies");
  await page.getByRole("button", { name: "Create update policy" }).click();
  await page.getByRole("dialog").getByText(/this account has no key yet/).waitFor();
  await page.keyboard.press("Escape");
  const key = await server.api("POST", keys(), { name: "certbot.example.", algo: "hmac-sha256" });
  await page.reload();

  await page.getByRole("button", { name: "Create update policy" }).click();
  await formDialog(page).getByRole("button", { name: "Certificates (ACME DNS-01)" }).click();
  await clean(page, "the form");
  await submit(page, { "Comment (optional)": "certbot on web1" }, "Save");
  const row = page.getByRole("row", { name: /certbot\.example/ });
  await row.getByRole("cell", { name: "_acme-challenge.*", exact: true }).waitFor();
  await row.getByRole("cell", { name: "TXT", exact: true }).waitFor();
  assert.deepEqual((await policies()).map((p) => [p.tsig_id, p.names, p.types, p.comment]), [[key.id, [{ match: "wildcard", name: "_acme-challenge.*" }], ["TXT"], "certbot on web1"]]);
  await clean(page, "policies");

  await row.getByRole("button", { name: /^Configuration for/ }).click();
  const dialog = page.getByRole("dialog", { name: /^Updates with/ });
  await dialog.getByLabel("Port").fill(String(server.dns));
  await dialog.getByLabel("Address of this primary").fill("127.0.0.1");
  const text = await dialog.getByLabel("Configuration for nsupdate").innerText();
  assert.ok(!(await page.content()).includes(key.secret), "the secret is on the page");
  await clean(page, "configuration");
  const [, file, command] = /readable by its owner alone\n([^]*?)\n\n# command\n([^]*)$/.exec(text);
  const folder = await mkdtemp(join(tmpdir(), "headwater-e2e-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  await writeFile(join(folder, "certbot.example.key"), file.replace("SECRET", key.secret));
  await promisify(execFile)("sh", ["-c", command], { cwd: folder });
  const made = await server.api("GET", `/client/v4/zones/${zone.id}/dns_records?type=TXT`);
  assert.deepEqual(made.map((r) => r.name), [`_acme-challenge.${zone.name}`]);
  await dialog.getByRole("tab", { name: "certbot" }).click();
  await dialog.getByLabel("Configuration for certbot").getByText(/dns_rfc2136_secret = SECRET/).waitFor();
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "detached" });
  assert.deepEqual(complaints, []);
});

for (const colorScheme of ["light", "dark"]) {
  test(`a policy of several names is made by hand, refused with the reason at its place, edited and removed, on a phone, ${colorScheme}`, async (t) => {
    await server.api("POST", keys(), { name: `dhcp${n}.example.`, algo: "hmac-sha512" });
    const { page, zone, policies } = await at(t, { colorScheme, viewport: { width: 390, height: 844 } });
    const create = "Create update policy";
    await page.getByRole("button", { name: create }).click();
    const dialog = formDialog(page);
    await choose(dialog, page, "Key", `dhcp${n - 1}.example.`);
    await dialog.getByRole("textbox", { name: "Name 1" }).fill("www.elsewhere.test");
    await dialog.getByRole("button", { name: "Add a name" }).click();
    const second = dialog.getByRole("textbox", { name: "Name 2" });
    await until("the focus on the second name", () => second.evaluate((e) => e === document.activeElement));
    await second.fill(`dyn.${zone.name}`);
    await choose(dialog, page, "Match of name 2", "A name and all below");
    await dialog.getByRole("button", { name: "Add a name" }).click();
    await choose(dialog, page, "Match of name 3", "The key's own name");
    await dialog.getByLabel("Types that may be changed").fill("a, nonsense");
    await dialog.getByRole("button", { name: "Save", exact: true }).click();
    await refusal(dialog).waitFor();
    await until("the keyboard at a field at fault", () => dialog.evaluate((d) => d.contains(document.activeElement) && document.activeElement.tagName === "INPUT"));
    await clean(page, "refused");
    await dialog.getByRole("button", { name: "Remove name 1" }).click();
    await dialog.getByLabel("Types that may be changed").fill("a aaaa");
    await submit(page, {}, "Save");
    await page.getByText(`dyn.${zone.name} and below`).waitFor();
    assert.deepEqual((await policies()).map((p) => [p.names, p.types]), [[[{ match: "subtree", name: `dyn.${zone.name}` }, { match: "self" }], ["A", "AAAA"]]]);
    await clean(page, "policies");

    const edit = await page.getByRole("button", { name: /^Edit dhcp/ }).getAttribute("aria-label");
    await page.getByRole("button", { name: edit }).click();
    await choose(dialog, page, "Types", "All but these");
    await dialog.getByLabel("Types that may not (optional)").fill("CNAME");
    await clean(page, "all but these");
    await submit(page, {}, "Save");
    await page.getByText("All but CNAME").waitFor();
    await page.getByRole("button", { name: edit }).press("Enter");
    await dialog.waitFor();
    await escape(page, edit);

    await page.getByRole("button", { name: /^Delete dhcp/ }).click();
    await submit(page, {}, "Delete");
    await page.getByText("Off. No key may send updates (RFC 2136).").waitFor();
    assert.deepEqual(await policies(), []);
  });
}

test("of two who edit one policy, the second sees what the first has saved, and neither is lost", async (t) => {
  const key = await server.api("POST", keys(), { name: "two.example.", algo: "hmac-sha256" });
  const { page, zone, policies } = await at(t);
  const path = `/headwater/v1/zones/${zone.id}/update_policies`;
  const made = await server.api("POST", path, { tsig_id: key.id, names: [{ match: "exact", name: `www.${zone.name}` }], types: ["A"], comment: "" });
  await page.reload();
  const sent = [];
  page.on("request", (r) => r.method() === "PATCH" && sent.push(r.postDataJSON()));
  await page.getByRole("button", { name: /^Edit two/ }).click();
  await server.api("PATCH", `${path}/${made.id}`, { comment: "theirs" });
  await formDialog(page).getByLabel("Types that may be changed").fill("A AAAA");
  await formDialog(page).getByRole("button", { name: "Save", exact: true }).click();
  await formDialog(page).getByText("Somebody else has changed this update policy since you opened it.").waitFor();
  await formDialog(page).getByRole("row", { name: "Types A, AAAA not changed" }).waitFor();
  await formDialog(page).getByRole("row", { name: "Comment not changed theirs" }).waitFor();
  await clean(page, "two states");
  await formDialog(page).getByRole("button", { name: "Save mine" }).click();
  await formDialog(page).waitFor({ state: "detached" });
  assert.deepEqual(sent, [{ types: ["A", "AAAA"] }, { types: ["A", "AAAA"] }]);
  assert.deepEqual((await policies()).map((p) => [p.types, p.comment]), [[["A", "AAAA"], "theirs"]]);
  await page.getByRole("button", { name: "Undo" }).first().waitFor(); // as after any change of the zone

  // What it was and is stands in the history, and is taken back from there as well.
  await page.goto(`${server.url}/${server.account}/${zone.name}/history`);
  const change = page.getByRole("list", { name: "Changes, newest first" }).getByRole("listitem").filter({ hasText: "Dynamic updates" }).first();
  await change.getByRole("button", { name: /^Show/ }).click();
  const objects = change.getByRole("list", { name: "Other things that changed" });
  await objects.locator("mark").filter({ hasText: "AAAA" }).first().waitFor();
  await clean(page, "history of a policy");
  await change.getByRole("button", { name: /^Undo/ }).click();
  await formDialog(page).getByText(/and 1 update policy, change/).waitFor();
  await submit(page, {}, "Bring back");
  await until("the types as they were", async () => (await policies())[0].types.length === 1);
  assert.equal((await policies())[0].comment, "theirs");
});

test("a zone's right to look is shown what is there, and may change nothing; what cannot be read says so", async (t) => {
  const key = await server.api("POST", keys(), { name: "look.example.", algo: "hmac-sha256" });
  const { page, zone } = await at(t);
  await server.api("POST", `/headwater/v1/zones/${zone.id}/update_policies`, { tsig_id: key.id, names: [{ match: "subtree", name: "@" }] });
  await page.route("**/client/v4/zones?name=*", async (route) => {
    const answer = await route.fetch();
    const body = await answer.json();
    for (const z of body.result) z.permissions = z.permissions.filter((p) => p.endsWith(":read"));
    await route.fulfill({ response: answer, json: body });
  });
  await page.reload();
  await page.getByRole("row", { name: /look\.example/ }).getByText(`${zone.name} and below`).waitFor();
  for (const name of [/^Create update policy/, /^Edit look/, /^Delete look/]) await until(`${name} is dead`, () => page.getByRole("button", { name }).isDisabled());
  await page.route("**/update_policies", (route) => route.fulfill({ status: 500, json: { success: false, errors: [{ code: 1, message: "Out of order." }], messages: [], result: null } }));
  await page.reload();
  await page.getByRole("alert").getByText("Out of order.").waitFor({ timeout: 30_000 });
});
