import type { Schema } from "../api/client";
import type { Roll, Signing, SigningKey } from "../api/dnssec";

type State = Schema<"DNSSEC">;
/** A number of an algorithm, as lists to choose from hold it. */
export type Algorithm = `${Schema<"SigningAlgorithm">}`;

/** Back to the number. */
export const algorithmOf = (a: Algorithm) => Number(a) as Schema<"SigningAlgorithm">;

/** Where a zone stands on the way to being signed, and away from it. */
export type Stage = "unsigned" | "starting" | "early" | "waiting" | "active" | "leaving" | "withdrawn" | "removing" | "error";

/** The stage, from Cloudflare's states and whether the zone carries signatures. */
export function stageOf(state: State, signing: Signing): Stage {
  switch (state.status) {
    case "active":
      return "active";
    case "pending":
      if (!signing.signed || signing.progress !== null) return "starting";
      return tooEarly(signing) ? "early" : "waiting";
    case "pending-disabled":
      return "leaving";
    case "disabled":
      if (!signing.signed) return "unsigned";
      return state.modified_on ? "withdrawn" : "removing";
    default:
      return "error";
  }
}

/** What a key that the parent is to lead to still waits for before its DS record may go there. */
export const before = (signing: Signing) =>
  signing.keys.filter((k) => k.role !== "zsk" && k.origin !== "foreign" && !k.timeline.some((t) => t.what === "ds")).flatMap((k) => k.waits);

/** Caches may still hold the zone without signatures: a DS record would make that bogus. */
const tooEarly = (signing: Signing) => before(signing).some((w) => w.for === "caches" || w.for === "secondaries" || w.for === "signatures");

type Variant = "success" | "warning" | "error" | "neutral";

/** What each stage is called, and what it means for people. */
export const stages: Record<Stage, { badge: [Variant, string]; text: string }> = {
  unsigned: { badge: ["neutral", "Not signed"], text: "Answers of this zone carry no signatures: resolvers cannot tell forged ones from ours." },
  starting: { badge: ["warning", "Pending: being signed"], text: "Keys are made, and the zone is being signed. The DS record is wanted at the registrar once that is done." },
  early: { badge: ["warning", "Pending: not yet for the registrar"], text: "The zone is signed. Leave the DS record until everybody has the signatures: before that it would make the zone fail for those who still hold it without." },
  waiting: { badge: ["warning", "Pending: DS record missing"], text: "The zone is signed, but nobody validates it yet: the parent zone has no DS record that leads to our key. Add the DS record below at your registrar." },
  active: { badge: ["success", "Active"], text: "The zone is signed, and the DS record at the parent leads to our key." },
  leaving: { badge: ["warning", "Pending: DS record still there"], text: "Remove the DS record at your registrar. Until it is gone everywhere, the zone stays signed: without signatures it would fail for everybody who validates." },
  withdrawn: { badge: ["neutral", "Off, still signed"], text: "The DS record is gone, so nobody relies on the signatures any more. Keys and signatures can be removed." },
  removing: { badge: ["warning", "Off, being removed"], text: "Keys and signatures go as soon as nobody can hold anything that needs them." },
  error: { badge: ["error", "Error"], text: "Signing does not go on by itself; the reason is below." },
};

/** Algorithms that keys are made with, by number (RFC 8624). */
export const algorithms: readonly (readonly [Algorithm, string])[] = [
  ["13", "13: ECDSA P-256 with SHA-256"],
  ["15", "15: Ed25519"],
  ["14", "14: ECDSA P-384 with SHA-384"],
  ["8", "8: RSA with SHA-256"],
];

export const roles: Record<SigningKey["role"], [short: string, long: string]> = {
  ksk: ["KSK", "Key signing key"],
  zsk: ["ZSK", "Zone signing key"],
  csk: ["CSK", "Combined signing key"],
};

export const keyStates: Record<SigningKey["state"], [Variant, string]> = {
  new: ["neutral", "New"],
  published: ["warning", "Published"],
  signing: ["success", "Signing"],
  leaving: ["warning", "Leaving"],
  gone: ["neutral", "Gone"],
};

export const origins: Record<SigningKey["origin"], string> = {
  made: "made here",
  imported: "imported",
  foreign: "of another signer",
};

/** The steps of a key's life, in words. */
export const steps: Record<SigningKey["timeline"][number]["what"], string> = {
  published: "Published in the DNSKEY set",
  signs_keys: "Signs the DNSKEY set",
  signs_zone: "Signs the zone",
  ds: "DS record at the parent",
};

export const seen: Record<SigningKey["ds_seen"], string> = {
  everywhere: "at every server of the parent",
  somewhere: "at some servers of the parent",
  nowhere: "not at the parent",
  unknown: "not known: nobody has looked yet",
};

/** What follows from a roll, step by step. */
export function whatFollows(r: Roll): string[] {
  if ("algorithm" in r) {
    return [
      "New keys are made and sign the zone beside the present ones: it carries two signatures for each set until the end.",
      "When every secondary and every cache has them, the new key's DS record is wanted at the registrar: that is your part, unless the parent reads CDS.",
      "When the parent has it everywhere, the old DS record goes, then the old keys and their signatures.",
    ];
  }
  if (r.role === "zsk") {
    return [
      "A new ZSK is made and published beside the present one, which goes on signing.",
      "When every secondary has it, and caches have let go of the DNSKEY set without it, the new one signs.",
      "The old one leaves when its last signature is out of every cache. Nobody else has to do anything.",
    ];
  }
  return [
    `A new ${roles[r.role][0]} is made, published and signs beside the present one.`,
    "When every secondary and every cache has it, its DS record is wanted at the registrar: that is your part, unless the parent reads CDS.",
    "The old key leaves when the parent has the new DS record everywhere and the old one is out of caches. Until then both stay: nothing breaks if you take your time.",
  ];
}
