/**
 * A certificate for test servers on loopback. It is not trusted, and its key is public.
 *
 * Made with OpenSSL 3.0: `openssl req -x509 -new -key KEY -days 36500 -subj /CN=localhost -addext
 * subjectAltName=DNS:localhost,IP:127.0.0.1`, with KEY on the curve prime256v1.
 */
export const LOOPBACK_CERTIFICATE = {
  key: `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgjvuzi8RuNdebjUx+
FRX/ArtQpDYuKfCra/R9uWsUpyyhRANCAAQa5k9IReSzxnJxkjmqBPMKkT67PiWp
sZ5Fm7dyMQ9jcsDMXVG/DFOas6fNPsqdKn8FGRQdhDvV98fThY1ICtOI
-----END PRIVATE KEY-----
`,
  cert: `-----BEGIN CERTIFICATE-----
MIIBnDCCAUGgAwIBAgIUaOZi6Pv9kVEcHpd0P9YVPdVD6qIwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyNzE3MDIxN1oYDzIxMjYxMTAz
MTcwMjE3WjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAAQa5k9IReSzxnJxkjmqBPMKkT67PiWpsZ5Fm7dyMQ9jcsDMXVG/DFOa
s6fNPsqdKn8FGRQdhDvV98fThY1ICtOIo28wbTAdBgNVHQ4EFgQUq7iYKxBTvYyg
fTzr8ERzzJjX5WkwHwYDVR0jBBgwFoAUq7iYKxBTvYygfTzr8ERzzJjX5WkwDwYD
VR0TAQH/BAUwAwEB/zAaBgNVHREEEzARgglsb2NhbGhvc3SHBH8AAAEwCgYIKoZI
zj0EAwIDSQAwRgIhAP/tRqOmAVN/iPu8RgoUogk0n5k5KdlumsZR7UWkwITcAiEA
7qgqsDgwb0Qe9JZWYFFKdeuXShyf2wJuUVxo34uXT+A=
-----END CERTIFICATE-----
`,
} as const;
