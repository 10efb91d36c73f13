#!/usr/bin/env bash
# Certificates to try signatures with: certificates.sh FOLDER. An authority, one between, and of that one a signer's (`leaf`), one for servers, one
# with a key of another kind, one past its end, one that does not tell whose it is, and more that are not as they are to be. Those in src/c2pa/fixtures were made by this; they are good for nothing else.
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
unique_subject = no
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
END
# What a certificate that signs nothing but its subject's own says: signer NAME USE [LINE...]
signer() {
    printf '%s\n' "[$1]" 'basicConstraints = critical, CA:false' 'keyUsage = critical, digitalSignature' "extendedKeyUsage = $2" \
        "${@:3}" >>authority.cnf
}
OURS='authorityKeyIdentifier = keyid'
signer leaf emailProtection 'subjectKeyIdentifier = hash' "$OURS"
signer orphan emailProtection 'authorityKeyIdentifier = none'
signer claims 1.3.6.1.4.1.62558.2.1 "$OURS"
signer others 1.3.6.1.4.1.311.76.59.1.9 "$OURS"
signer stamping 'emailProtection, timeStamping' "$OURS"
signer answering 'emailProtection, OCSPSigning' "$OURS"
# The last line of two counts.
signer issuing emailProtection 'keyUsage = critical, digitalSignature, keyCertSign' "$OURS"
signer critical emailProtection "$OURS" '1.2.3.4 = critical, DER:0500'
signer server serverAuth 'subjectKeyIdentifier = hash' "$OURS"
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
# Of the signer's key, too: for other uses, with more than a signer's, over SHA-1, and by a curve that few know.
for kind in claims others stamping answering issuing critical; do
    cp leaf.csr "$kind.csr"
    issued "$kind" "$kind" "${AGES[@]}" "${BY[@]}"
done
asked old EC -pkeyopt ec_paramgen_curve:P-256
issued old authority "${AGES[@]}" -selfsign -keyfile old.key
cp leaf.csr broken.csr
issued broken leaf "${AGES[@]}" -md sha1 -keyfile old.key -cert old.pem
asked large EC -pkeyopt ec_paramgen_curve:P-521
issued large authority "${AGES[@]}" -selfsign -keyfile large.key
cp leaf.csr unchecked.csr
issued unchecked leaf "${AGES[@]}" -keyfile large.key -cert large.pem
cat large.pem >>unchecked.pem
rm -f authority.cnf index.txt* serial* ./*.csr ./[01]?.pem
