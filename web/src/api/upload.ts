import { contactLost } from "./contact";
import { ApiError, cameBy, csrfHeaders, doneOrPlanned, faultsOf, planOf, type ChangePlan, type Schema } from "./client";
import { collectHeaders } from "./collect";

/** What an import did, and what it left out, line by line. */
export type Imported = { result: Schema<"ImportResult">; messages: { message: string }[] };

type Progress = (share: number) => void;

/**
 * Imports a BIND file into a zone, whole or not at all; progress is called with a share between 0 and 1.
 */
export function importZoneFile(zone: string, file: Blob, options: { proxied: boolean; skipInvalid: boolean }, progress: Progress): Promise<Imported> {
  return upload(`/client/v4/zones/${zone}/dns_records/import${options.skipInvalid ? "?skip_invalid=true" : ""}`, file, options.proxied, progress);
}

/** How an import by a plan goes. */
export type PlanOptions = { proxied: boolean; replace: boolean };
export type Plan = Schema<"ImportPlan">;

/** What importing a file would do; nothing is done. */
export async function planZoneFile(zone: string, file: Blob, o: PlanOptions, progress: Progress): Promise<Plan> {
  const answer = await upload<{ result: Plan }>(`${planPath(zone)}?dry_run=true&replace=${o.replace}`, file, o.proxied, progress);
  return answer.result;
}

/** Does that, but for what is refused. */
export async function doPlan(zone: string, file: Blob, o: PlanOptions, progress: Progress): Promise<Plan> {
  const answer = await upload<{ result: Plan }>(`${planPath(zone)}?skip_invalid=true&replace=${o.replace}`, file, o.proxied, progress);
  return answer.result;
}

/** The same with what is answered and transferred then, and what secondaries make of it. */
export const planImport = (zone: string, file: Blob, o: PlanOptions): Promise<ChangePlan> =>
  planOf((headers) => upload(`${planPath(zone)}?skip_invalid=true&replace=${o.replace}`, file, o.proxied, () => undefined, headers));

const planPath = (zone: string) => `/headwater/v1/zones/${zone}/import`;

/** Sends a file as a form. fetch does not tell how much of a body has gone, so this is an XMLHttpRequest. */
function upload<T>(path: string, file: Blob, proxied: boolean, progress: Progress, headers: Record<string, string> = {}): Promise<T> {
  return new Promise((resolve, reject) => {
    const form = new FormData();
    form.set("proxied", String(proxied));
    form.set("file", file);
    const request = new XMLHttpRequest();
    request.open("POST", path);
    // What an import does is told against the zone as it is: a call that changes nothing goes into no draft.
    const collect = path.includes("dry_run=true") || "Headwater-Dry-Run" in headers ? {} : collectHeaders("POST", path.split("?", 1)[0]!);
    for (const [name, value] of Object.entries({ ...csrfHeaders(), ...headers, ...collect })) request.setRequestHeader(name, value);
    request.responseType = "json";
    request.upload.onprogress = (e) => e.lengthComputable && progress(e.loaded / e.total);
    request.onerror = () => void whyFailed(file).then(reject);
    request.onload = () => {
      if (request.status !== 200) return reject(new ApiError(request.status, faultsOf(request.response)));
      const answer = request.response as T & { result: unknown };
      try {
        doneOrPlanned(answer, (name) => request.getResponseHeader(name));
      } catch (e) {
        return reject(e as Error);
      }
      cameBy(answer.result, request.getResponseHeader("X-Request-Id"));
      resolve(answer);
    };
    request.send(form);
  });
}

/** Why an upload ended without an answer: browsers do not send a file that has changed since it was chosen. */
async function whyFailed(file: Blob): Promise<Error> {
  try {
    await file.slice(0, 1).arrayBuffer();
  } catch {
    return new Error("The file has changed since it was chosen. Choose it again.");
  }
  contactLost();
  return new Error("Headwater could not be reached.");
}
