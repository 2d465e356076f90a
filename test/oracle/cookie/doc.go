// Package cookie holds our DNS cookies against programs that others wrote: dig, kdig and BIND.
package cookie
