// js-libp2p 3 and its GossipSub; what both versions have in common is in ../js/peer.mjs.
import '../js/polyfill.mjs'
import { noise } from '@chainsafe/libp2p-noise'
import { quic } from '@chainsafe/libp2p-quic'
import { yamux } from '@chainsafe/libp2p-yamux'
import { generateKeyPairFromSeed } from '@libp2p/crypto/keys'
import { identify } from '@libp2p/identify'
import { ping } from '@libp2p/ping'
import { tcp } from '@libp2p/tcp'
import { multiaddr } from '@multiformats/multiaddr'
import { gossipsub } from '@libp2p/gossipsub'
import { createLibp2p } from 'libp2p'
import { run } from '../js/peer.mjs'

await run({ createLibp2p, generateKeyPairFromSeed, gossipsub, identify, multiaddr, noise, ping, quic, tcp, yamux })
