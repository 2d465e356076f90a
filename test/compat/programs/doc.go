// Package programs runs programs that were written for Cloudflare as their users run them, unmodified: flarectl, Debian's
// lexicon and Debian's Ansible module. None of them lets its address be configured, so that an HTTPS proxy leads them here.
package programs
