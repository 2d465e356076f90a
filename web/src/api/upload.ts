import { ApiError, csrfHeaders, faultsOf, type Schema } from "./client";

/**
 * Imports a BIND file into a zone, whole or not at all. fetch does not tell how much of a body has gone, so this is an
 * XMLHttpRequest; progress is called with a share between 0 and 1.
 */
export function importZoneFile(
  zone: string,
  file: File,
  proxied: boolean,
  progress: (share: number) => void,
): Promise<Schema<"ImportResult">> {
  return new Promise((resolve, reject) => {
    const form = new FormData();
    form.set("proxied", String(proxied));
    form.set("file", file);
    const request = new XMLHttpRequest();
    request.open("POST", `/client/v4/zones/${zone}/dns_records/import`);
    for (const [name, value] of Object.entries(csrfHeaders())) request.setRequestHeader(name, value);
    request.responseType = "json";
    request.upload.onprogress = (e) => e.lengthComputable && progress(e.loaded / e.total);
    request.onerror = () => reject(new Error("The server could not be reached."));
    request.onload = () => {
      if (request.status === 200) resolve(request.response.result as Schema<"ImportResult">);
      else reject(new ApiError(request.status, faultsOf(request.response)));
    };
    request.send(form);
  });
}
