import { contactLost } from "./contact";
import { ApiError, csrfHeaders, faultsOf, type Schema } from "./client";

/** What an import did, and what it left out, line by line. */
export type Imported = { result: Schema<"ImportResult">; messages: { message: string }[] };

/**
 * Imports a BIND file into a zone, whole or not at all. fetch does not tell how much of a body has gone, so this is an
 * XMLHttpRequest; progress is called with a share between 0 and 1.
 */
export function importZoneFile(
  zone: string,
  file: File,
  options: { proxied: boolean; skipInvalid: boolean },
  progress: (share: number) => void,
): Promise<Imported> {
  return new Promise((resolve, reject) => {
    const form = new FormData();
    form.set("proxied", String(options.proxied));
    form.set("file", file);
    const request = new XMLHttpRequest();
    request.open("POST", `/client/v4/zones/${zone}/dns_records/import${options.skipInvalid ? "?skip_invalid=true" : ""}`);
    for (const [name, value] of Object.entries(csrfHeaders())) request.setRequestHeader(name, value);
    request.responseType = "json";
    request.upload.onprogress = (e) => e.lengthComputable && progress(e.loaded / e.total);
    request.onerror = () => void whyFailed(file).then(reject);
    request.onload = () => {
      if (request.status === 200) resolve(request.response as Imported);
      else reject(new ApiError(request.status, faultsOf(request.response)));
    };
    request.send(form);
  });
}

/** Why an upload ended without an answer: browsers do not send a file that has changed since it was chosen. */
async function whyFailed(file: File): Promise<Error> {
  try {
    await file.slice(0, 1).arrayBuffer();
  } catch {
    return new Error("The file has changed since it was chosen. Choose it again.");
  }
  contactLost();
  return new Error("Headwater could not be reached.");
}
