/** What stood in the address when the page was loaded: the router reads numbers out of it, and a provider's code may look like one. */
export const arrival = new URLSearchParams(window.location.search);
