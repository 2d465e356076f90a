// Zone > DNS > Settings > DNSSEC.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { choose, clean, escape, formDialog, refusal, signedInto, submit } from "./hands.mjs";
import { press } from "./keys.mjs";
import { startBrowser, startHeadwater, until } from "./server.mjs";
import { key, later, signing, stub } from "./signing.mjs";

let browser, server, zone;
before(async () => {
  browser = await startBrowser();
  server = await startHeadwater();
  zone = await server.api("POST", "/client/v4/zones", { name: "example.com", account: { id: server.account } });
});
after(async () => {
  await browser.close();
  await server.close();
});

const address = () => `${server.url}/${server.account}/example.com/dns/settings/dnssec`;

/** The page, with a server that tells what now() says of the zone's signing. */
async function at(t, now, act, context = {}) {
  const { page, complaints } = await signedInto(browser, t, { server, context });
  const asked = await stub(page, zone.id, now, act);
  await page.goto(address());
  await page.getByRole("region", { name: "Keys", exact: true }).waitFor();
  return { page, asked, complaints };
}

test("a zone is enabled, its DS record copied, said to be at the registrar, and withdrawn by the same steps backwards", async (t) => {
  let now = signing({ status: "disabled", signed: false, keys: [], expires: null, renews: null });
  const ksk = (seen) => key("ksk", 11111, { ds_seen: seen });
  const act = (method, path, body) => {
    if (path === "client" && body?.status === "active") now = signing({ status: "pending", keys: [ksk("nowhere"), key("zsk", 22222)] });
    if (path === "/ds_seen" && body.seen) now = signing();
    if (path === "client" && body?.status === "disabled") now = signing({ status: "pending-disabled", keys: [ksk("everywhere")] });
    if (path === "/ds_seen" && !body.seen) now = signing({ status: "disabled", keys: [ksk("nowhere")] });
    if (method === "DELETE") now = signing({ status: "disabled", signed: false, keys: [] });
  };
  const { page, asked, complaints } = await at(t, () => now, act);
  await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
  const card = page.getByRole("region", { name: "State of the zone" });
  await card.getByText("Not signed").waitFor();
  await press(page, card.getByRole("button", { name: "Enable DNSSEC" }));
  await card.getByText("Pending: DS record missing").waitFor();
  const registrar = page.getByRole("region", { name: "DS record for the registrar" });
  for (const part of ["DS record", "Key tag", "Algorithm", "Digest type", "Digest", "Public key", "Flags"]) {
    await registrar.getByRole("button", { name: `Copy ${part}`, exact: true }).waitFor();
  }
  await press(page, registrar.getByRole("button", { name: "Copy DS record" }));
  await page.getByText("DS record copied").waitFor();
  assert.match(await page.evaluate(() => navigator.clipboard.readText()), /^example\.com\. 3600 IN DS 11111 13 2 [0-9a-f]{64}$/);
  await registrar.getByRole("button", { name: "The registrar has it" }).click();
  await card.getByText("Active", { exact: true }).waitFor();

  await card.getByRole("button", { name: "Disable DNSSEC" }).click();
  await formDialog(page).getByText(/stays signed until the DS record of example\.com is gone/).waitFor();
  await submit(page, {}, "Disable DNSSEC");
  await card.getByText("Pending: DS record still there").waitFor();
  await registrar.getByRole("button", { name: "The DS record is gone" }).click();
  await card.getByText("Off, still signed").waitFor();
  await card.getByRole("button", { name: "Remove keys and signatures" }).click();
  await submit(page, {}, "Remove");
  await card.getByText("Not signed").waitFor();
  assert.deepEqual(asked.map(([method, path]) => `${method} ${path}`), ["PATCH client", "POST /ds_seen", "PATCH client", "POST /ds_seen", "DELETE client"]);
  assert.deepEqual(complaints, []);
});

test("by the real server a zone is signed, told what to wait for, validated by hand, rolled, and withdrawn", async (t) => {
  const { page, complaints } = await signedInto(browser, t, { server });
  const real = await server.api("POST", "/client/v4/zones", { name: "signed.example", account: { id: server.account } });
  await page.goto(`${server.url}/${server.account}/signed.example/dns/settings/dnssec`);
  const card = page.getByRole("region", { name: "State of the zone" });
  await card.getByRole("button", { name: "Enable DNSSEC" }).click();
  await card.getByText("Pending: not yet for the registrar").waitFor();
  await card.getByText(/Caches may hold what was before until/).waitFor({ timeout: 30_000 });
  const { ds } = await server.api("GET", `/client/v4/zones/${real.id}/dnssec`);
  await card.getByText(ds, { exact: true }).waitFor();
  await card.getByRole("button", { name: "The registrar has it" }).click();
  await card.getByText("Active", { exact: true }).waitFor();
  const keys = page.getByRole("region", { name: "Keys", exact: true });
  assert.deepEqual((await keys.getByRole("heading", { level: 3 }).allInnerTexts()).map((h) => h.slice(0, 3)), ["KSK", "ZSK"]);

  await page.getByRole("button", { name: "Roll keys" }).click();
  await formDialog(page).getByRole("button", { name: "Start the roll" }).click();
  await formDialog(page).getByText(/still waits: .*One roll comes after the other/).waitFor(); // the server's own words
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: /^Export KSK/ }).click();
  await page.getByRole("button", { name: "Show the key files" }).click();
  const saved = page.getByRole("button", { name: /^Save Ksigned\.example\..*\.private$/ });
  const [file] = await Promise.all([page.waitForEvent("download"), saved.click()]);
  assert.match(await readFile(await file.path(), "utf8"), /^Private-key-format: v1/);
  await page.getByRole("button", { name: "Close", exact: true }).click();
  await page.getByRole("button", { name: "Import a key" }).click();
  await formDialog(page).getByLabel(/^Public/).fill("other.example. IN DNSKEY 257 3 13 AAAA");
  await formDialog(page).getByLabel(/^Private/).fill("Private-key-format: v1.3");
  await formDialog(page).getByRole("button", { name: "Import key" }).click();
  await refusal(formDialog(page)).waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("switch", { name: "NSEC3 in place of NSEC" }).click();
  await page.getByText("DNSSEC settings saved").waitFor();
  await page.getByRole("switch", { name: "Multi-signer" }).click();
  await page.getByText(/Missing: Enter the other signer's ZSK/).waitFor();

  await card.getByRole("button", { name: "Disable DNSSEC" }).click();
  await submit(page, {}, "Disable DNSSEC");
  await card.getByRole("button", { name: "The DS record is gone" }).click();
  await card.getByText("Off, still signed").waitFor();
  await card.getByRole("button", { name: "Remove keys and signatures" }).click();
  await submit(page, {}, "Remove");
  await card.getByText("Off, being removed").waitFor();
  assert.deepEqual(complaints, []);
});

test("the first signing of a large zone is a bar that moves, and trouble is told", async (t) => {
  let done = 120_000;
  const progress = () => ({ what: "first signing", done, total: 1_000_000, since: later(0) });
  let now = () => signing({ status: "pending", signed: false, keys: [key("ksk", 11111, { state: "new", ds_seen: "unknown" })], progress: progress(), expires: null });
  const { page } = await at(t, () => now());
  const bar = page.getByRole("meter", { name: "First signing" });
  await bar.waitFor();
  await until("the attribute to be as it should", async () => (await bar.getAttribute("aria-valuenow")) === "12");
  await page.getByText("120,000 of 1,000,000 records").waitFor();
  done = 500_000;
  await page.getByText("500,000 of 1,000,000 records").waitFor();
  now = () => signing({ trouble: "The keys of this zone cannot be opened: they were sealed with another secret key." });
  await page.getByText("The keys of this zone cannot be opened").waitFor();
});

test("each key tells what it has done and what it waits for, and a roll tells what follows", async (t) => {
  const wait = { for: "parent", since: later(-1), until: null, who: ["a.nic.example"], text: "a.nic.example does not have the new DS record yet: add it at your registrar." };
  let now = signing({
    secondaries: [
      { peer_id: "1".repeat(32), name: "nsd-berlin", serial: 2026112801, expires: later(8), state: "in_step" },
      { peer_id: "2".repeat(32), name: "bind-newyork", serial: 2026111001, expires: later(1), state: "unreachable" },
    ],
  });
  const act = (method, path, body) => {
    if (path === "/roll" && now.keys.length > 2) return { status: 409, error: { code: 1, message: "A roll of the KSK is under way." } };
    if (path === "/roll") now = { ...now, keys: [...now.keys, key(body.role, 33333, { state: "published", ds_seen: "somewhere", waits: [wait] })] };
    return undefined;
  };
  const { page, asked } = await at(t, () => now, act);
  const held = page.getByRole("listitem", { name: "KSK 11111", exact: true });
  await held.getByText("Signs the DNSKEY set").waitFor();
  await held.getByText(/at every server of the parent/).waitFor();
  const expiry = page.getByRole("region", { name: "Expiry at each secondary" });
  await expiry.getByRole("row", { name: /nsd-berlin In step 2026112801 in (8 days|7 days)/ }).waitFor();
  await expiry.getByRole("row", { name: /bind-newyork Unreachable 2026111001 in (1 day|23 hours)/ }).waitFor();

  await page.getByRole("button", { name: "Roll keys" }).click();
  const dialog = formDialog(page);
  await choose(dialog, page, "What", "The KSK (key signing key)");
  await dialog.getByText(/its DS record is wanted at the registrar: that is your part/).waitFor();
  await submit(page, {}, "Start the roll");
  const fresh = page.getByRole("listitem", { name: "KSK 33333", exact: true });
  await fresh.getByText(wait.text).waitFor();
  await fresh.getByRole("button", { name: "Copy DS 1" }).waitFor(); // open, for it is wanted now
  await fresh.getByRole("button", { name: "The registrar has it: KSK 33333" }).click();
  await page.getByRole("button", { name: "Roll keys" }).click();
  await choose(formDialog(page), page, "What", "All keys, to another algorithm");
  await choose(formDialog(page), page, "Algorithm", "15: Ed25519");
  await formDialog(page).getByRole("button", { name: "Start the roll" }).click();
  await formDialog(page).getByText("A roll of the KSK is under way.").waitFor();
  assert.deepEqual(asked, [
    ["POST", "/roll", { role: "ksk" }],
    ["POST", "/ds_seen", { key_id: fresh ? "33333".padStart(32, "0") : "", seen: true }],
    ["POST", "/roll", { algorithm: 15 }],
  ]);
});

test("keys go in and out as BIND's files, and the switches say what they set", async (t) => {
  let now = signing();
  const act = (method, path, body) => {
    if (path.endsWith("/export")) return { name: "Kexample.com.+013+11111", key: "public", private: "Private-key-format: v1.3" };
    if (path === "" && method === "PATCH") now = { ...now, ...body, policy: { ...now.policy, ...body.policy } };
    if (path === "client") now = { ...now, multi_signer: true, multi_signer_steps: [{ step: "foreign_keys", done: false, text: "Add the other signer's ZSK as a DNSKEY record." }, { step: "parent_ds", done: null, text: "Both DS records at the registrar." }] };
    if (method === "POST" && path === "/keys") now = { ...now, keys: [...now.keys, key("zsk", 44444, { origin: "imported", state: "new" })] };
    return undefined;
  };
  const { page, asked } = await at(t, () => now, act);
  await page.getByRole("button", { name: "Export KSK 11111" }).click();
  await formDialog(page).getByText(/stands in the audit log/).waitFor();
  await page.getByRole("button", { name: "Show the key files" }).click();
  const [file] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Save Kexample.com.+013+11111.private" }).click()]);
  assert.equal(file.suggestedFilename(), "Kexample.com.+013+11111.private");
  await page.getByRole("button", { name: "Close", exact: true }).click();

  await page.getByRole("button", { name: "Import a key" }).click();
  const files = formDialog(page);
  await files.getByLabel("Both files").setInputFiles([
    { name: "K.private", mimeType: "text/plain", buffer: Buffer.from("Private-key-format: v1.3\nAlgorithm: 13") },
    { name: "K.key", mimeType: "text/plain", buffer: Buffer.from("example.com. IN DNSKEY 256 3 13 AAAA") },
  ]);
  // Each in its own field, in whatever order they were chosen.
  await until("both files", async () => /DNSKEY 256/.test(await files.getByLabel(/^Public/).inputValue()) && /Private-key-format/.test(await files.getByLabel(/^Private/).inputValue()));
  await submit(page, {}, "Import key");
  const imported = page.getByRole("listitem", { name: "ZSK 44444", exact: true });
  await imported.getByText(/imported/).waitFor();
  await imported.getByRole("button", { name: "Delete ZSK 44444" }).waitFor();

  await page.getByRole("switch", { name: "NSEC3 in place of NSEC" }).click();
  await page.getByLabel("Days between rolls of the ZSK").fill("90");
  await page.getByRole("button", { name: "Save days" }).click();
  await page.getByRole("switch", { name: "Multi-signer" }).click();
  const steps = page.getByRole("list", { name: "Steps of signing together" });
  await steps.getByText("Missing: Add the other signer's ZSK").waitFor();
  await steps.getByText("Cannot be seen from here: Both DS").waitFor();
  await page.getByRole("region", { name: "Our keys for the other signer" }).getByRole("button", { name: "Copy ZSK 22222" }).waitFor();
  const bodies = asked.filter(([method]) => method === "PATCH").map(([, path, body]) => [path, body]);
  assert.deepEqual(bodies, [["", { denial: "nsec3" }], ["", { policy: { zsk_roll_days: 90 } }], ["client", { dnssec_multi_signer: true }]]);
});

test("the page is clean for machines that read it, by night and on a phone", async (t) => {
  const wait = { for: "secondaries", since: later(-1), until: later(1), who: ["nsd-berlin"], text: "nsd-berlin does not have serial 2026112801 yet." };
  const full = signing({
    status: "pending",
    multi_signer: true,
    multi_signer_steps: [{ step: "own_keys", done: true, text: "Our keys are there." }],
    keys: [key("ksk", 11111, { ds_seen: "nowhere" }), key("zsk", 22222, { waits: [wait] }), key("zsk", 55555, { origin: "foreign" })],
    secondaries: [{ peer_id: "1".repeat(32), name: "nsd-berlin", serial: 2026112801, expires: later(2), state: "behind" }],
  });
  for (const colorScheme of ["light", "dark"]) {
    const { page } = await at(t, () => full, undefined, { colorScheme, bypassCSP: true, viewport: { width: 390, height: 844 } });
    await clean(page, "page");
    for (const name of ["Roll keys", "Import a key", "Export KSK 11111"]) {
      await page.getByRole("button", { name, exact: true }).click();
      await formDialog(page).waitFor();
      await clean(page, name);
      await escape(page, name);
    }
  }
});
