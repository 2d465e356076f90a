// What the API tells of a zone's signing at moments that take days, or a million records, to come to: for tests of the page alone.

const day = 86_400_000;
export const later = (days) => new Date(Date.now() + days * day).toISOString();

/** A key; more says what is different from a KSK that is in full use. */
export function key(role, tag, more = {}) {
  const entry = role !== "zsk";
  const since = later(-30);
  return {
    id: String(tag).padStart(32, "0"),
    tag,
    role,
    algorithm: 13,
    algorithm_name: "ECDSAP256SHA256",
    bits: 256,
    state: "signing",
    origin: "made",
    created_on: since,
    timeline: [
      { what: "published", on: true, since, serial: 2026110101 },
      { what: entry ? "signs_keys" : "signs_zone", on: true, since, serial: 2026110102 },
      ...(entry ? [{ what: "ds", on: true, since, serial: null }] : []),
    ],
    waits: [],
    dnskey: `example.com. 3600 IN DNSKEY ${entry ? 257 : 256} 3 13 ${"k".repeat(86)}==`,
    ds: entry ? [`example.com. 3600 IN DS ${tag} 13 2 ${"ab".repeat(32)}`, `example.com. 3600 IN DS ${tag} 13 4 ${"cd".repeat(48)}`] : [],
    ds_seen: entry ? "everywhere" : "unknown",
    ...more,
  };
}

/** A zone that is signed and validated; more says what is different. */
export function signing(more = {}) {
  return {
    status: "active",
    signed: true,
    algorithm: 13,
    denial: "nsec",
    multi_signer: false,
    policy: { algorithm: 13, zsk_roll_days: 0, ksk_roll: "request", cds: true },
    progress: null,
    expires: later(9),
    renews: later(2),
    trouble: null,
    keys: [key("ksk", 11111), key("zsk", 22222)],
    secondaries: [],
    multi_signer_steps: [],
    ...more,
  };
}

/** Cloudflare's resource to that. */
export function stateOf(s) {
  const ksk = s.keys.find((k) => k.role !== "zsk");
  if (!ksk || ksk.state === "leaving") return { status: s.status, modified_on: null };
  return {
    status: s.status,
    flags: 257,
    algorithm: "13",
    key_type: "ECDSAP256SHA256",
    digest_type: "2",
    digest_algorithm: "SHA256",
    digest: "ab".repeat(32).toUpperCase(),
    ds: ksk.ds[0],
    key_tag: ksk.tag,
    public_key: "k".repeat(86) + "==",
    modified_on: ksk.created_on,
  };
}

/** Answers for the API about one zone's signing: now() gives what it is, and act(method, path, body) may change that or say what is answered. */
export async function stub(page, zone, now, act = () => undefined) {
  const asked = [];
  const answer = (route, status, result) => route.fulfill({ status, contentType: "application/json", body: JSON.stringify({ success: status < 400, result: status < 400 ? result : null, errors: status < 400 ? [] : [result], messages: [] }) });
  await page.route(new RegExp(`/zones/${zone}/dnssec`), (route) => {
    const request = route.request();
    const path = new URL(request.url()).pathname;
    const ours = path.startsWith("/headwater/");
    const rest = path.replace(/^.*\/dnssec/, "");
    const body = request.postDataJSON();
    let made;
    if (request.method() !== "GET" || rest !== "") {
      asked.push([request.method(), (ours ? "" : "client") + rest, body]);
      made = act(request.method(), (ours ? "" : "client") + rest, body);
      if (made?.error) return answer(route, made.status ?? 400, made.error);
    }
    return answer(route, 200, made ?? (ours ? now() : stateOf(now())));
  });
  return asked;
}
