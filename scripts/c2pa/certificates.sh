#!/usr/bin/env bash
# Certificates to try signatures with: certificates.sh FOLDER. An authority, one between, and of that one a signer's (`leaf`), one for servers, one
# with a key of another kind, one past its end, and one that does not tell whose it is. Those in src/c2pa/fixtures were made by this; they are good for nothing else.
set -euo pipefail
mkdir -p "$1"
cd "$1"
cat >authority.cnf <<'END'
[ca]
default_ca = here
[here]
dir = .
database = index.txt
serial = serial
new_certs_dir = .
default_md = sha256
policy = names
[names]
organizationName = supplied
commonName = supplied
[req]
distinguished_name = nobody
[nobody]
[authority]
basicConstraints = critical, CA:true
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[between]
basicConstraints = critical, CA:true
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[leaf]
basicConstraints = critical, CA:false
keyUsage = critical, digitalSignature
extendedKeyUsage = emailProtection
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[orphan]
basicConstraints = critical, CA:false
keyUsage = critical, digitalSignature
extendedKeyUsage = emailProtection
authorityKeyIdentifier = none
[server]
basicConstraints = critical, CA:false
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
END
: >index.txt
echo 01 >serial

# A key, and a request for a certificate of it: asked NAME ALGORITHM [OPTION...]
asked() {
    openssl genpkey -algorithm "$2" "${@:3}" -out "$1.key" 2>/dev/null
    chmod 600 "$1.key"
    openssl req -new -config authority.cnf -key "$1.key" -subj "/O=damfs tests/CN=$1" -out "$1.csr"
}
# That certificate: issued NAME KIND BEGIN END OPTION...
issued() {
    openssl ca -batch -notext -config authority.cnf -in "$1.csr" -extensions "$2" -startdate "$3" -enddate "$4" "${@:5}" \
        -outdir . -out "$1.pem" 2>/dev/null
}
AGES=(20200101000000Z 21200101000000Z)
asked root ed25519
issued root authority "${AGES[@]}" -selfsign -keyfile root.key
asked between ed25519
issued between between "${AGES[@]}" -keyfile root.key -cert root.pem
BY=(-keyfile between.key -cert between.pem)
asked leaf ed25519
issued leaf leaf "${AGES[@]}" "${BY[@]}"
asked server ed25519
issued server server "${AGES[@]}" "${BY[@]}"
asked es256 EC -pkeyopt ec_paramgen_curve:P-256
issued es256 leaf "${AGES[@]}" "${BY[@]}"
asked ended ed25519
issued ended leaf 20200101000000Z 20210101000000Z "${BY[@]}"
asked orphan ed25519
issued orphan orphan "${AGES[@]}" "${BY[@]}"
cat leaf.pem between.pem >chain.pem
rm -f authority.cnf index.txt* serial* ./*.csr ./0?.pem
