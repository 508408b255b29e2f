"""The named colour ramps as few colours: between them others are blended, a level off at most.

The tile server has the whole tables (rio-tiler's); whoever writes a style file for another
program needs short ones. A test compares the two.
"""

from __future__ import annotations

from repository.rendering_style import Color

_RAMPS = {
    "algae": (
        "00d6f9cf 13bfe7b4 2e9cd18f 4084c379 506cb767 5760b260 5f52ad5a 6741a754 771f9b50 "
        "7d159650 860a8e4f 8b078a4e 9206834c b0146842 c4195638 e0193e28 f4152d1b ff112414"
    ),
    "amp": (
        "00f1ecec 0ee9dcd8 24e0c2b9 5fcc7f64 7fc0593b 8eb9462c 97b43a26 9db03224 afa11c25 "
        "bc931128 c38a0e29 cb800d29 dc690e25 e75a0e20 ff3c0911"
    ),
    "balance": (
        "00171c42 0c232c68 17293a8f 1e2744a8 21234ab2 231e4db8 271256bd 2a0b5dbe 2c0962bd "
        "2f0c68bc 331570bb 3b2b7fba 464891b9 4d5b9dba 5981afbf 619abac5 71cad3d7 7eeeeaea "
        "80f0eceb 93dfbfb5 b1cb7a5f bdc15e40 c6b9482d ceb03224 d4a72324 dd941227 e08d0f28 "
        "e5800d29 ec6d0e26 f35a0e20 ff3c0911"
    ),
    "blues": (
        "00f7fbff 20ddeaf6 3dc8dcef 42c3d9ee 5ea0cae1 6398c7df 7f6baed6 8563a9d3 9e4393c6 "
        "bf2171b5 de08529c df08519c ff08306b"
    ),
    "bone": "00000000 5c505070 b9a1c0c1 c3accaca ffffffff",
    "brbg": (
        "00543005 198a5009 32bd7f2b 3ac79242 49dab972 4ee0c481 66f6e8c3 7ff5f4f4 81f2f4f4 "
        "99c7eae5 b281cdc1 cd32958d e600655d ff003c30"
    ),
    "bugn": (
        "00f7fcfd 1fe5f5f9 3dceece7 41caebe4 43c6e9e3 6393d5c5 7f66c2a4 9f41ae76 be248c46 "
        "df006d2c ff00441b"
    ),
    "bupu": (
        "00f7fcfd 21deebf3 3cc2d5e7 5e9fbdda 659ab5d6 7e8c97c6 9f8c6bb1 bf88419d df810f7c ff4d004b"
    ),
    "bwr": "000000ff 7ffefeff 80fffefe ffff0000",
    "cividis": (
        "0000224d 14003070 17003170 19083370 1d14366f 24213b6e 2d2e416c 3a3d4a6b 474a536b "
        "5f60646e 73717273 807c7b78 938e8978 ada89e73 beb9ab6d cfcbba64 dddac65a edecd54a "
        "f5f5dc3f fbfde234 fcfde333 fffde737"
    ),
    "cool": "0000ffff ffff00ff",
    "coolwarm": (
        "003a4cc0 12506bda 206182ea 327a9df8 4290b2fe 51a4c2fe 5ab0cbfb 61b9d0f8 6ac5d5f2 "
        "6fcad8ee 79d6dbe4 80dddcdb 90ecd2c4 9af2c9b5 a4f5bfa5 acf7b598 b9f6a384 c2f39576 "
        "d1ea7b60 d9e36c54 ead1493e f0c93b37 f7bf282e ffb30326"
    ),
    "copper": "00000000 cdfda065 cfffa166 ffffc77e",
    "cubehelix": (
        "00000000 06090309 0c110715 1719122b 1e1a1a38 27192845 3116394d 3a14494e 43165849 "
        "4a1b6243 4f21683f 53276d3a 58317236 5c397433 6248782f 695c7a2e 71747a32 77877a39 "
        "7f9e7947 88b5785e 8ec1796f 93c97b7f 9bd17f99 a1d484ac a8d48cc0 acd292cb aed295cf "
        "b9cba7e5 c2c5b7ef c7c2c1f2 d3c1d5f3 d9c4def1 dec8e5f0 e6d2eeee f1e5f7f0 fcf9fdfa "
        "ffffffff"
    ),
    "curl": (
        "00141d43 07182b4b 161c475c 221a5d6a 2b146e73 31107977 3511807a 3815867c 3b1c8b7d "
        "402c947f 4c5ca685 5785b592 5d99bd9c 67b9ccb1 72d9ddcd 7bf3ede7 7ffdf5f3 80fdf5f3 "
        "90eccdbe 9ee3ab93 a6dd967f add88571 b1d57b6b bbc96362 c7b7495f d69a2d60 de882160 "
        "e674195d e96d165a ee5f1455 f54d124a ff330d35"
    ),
    "deep": (
        "00fdfdcc 06f1f8c4 1ac7eab0 22b6e4aa 2ca0dda5 3a83d2a2 4372caa3 4d64c1a3 555cb9a3 "
        "6253aca3 6d4ea1a1 97407798 a73d6695 b43d5991 bc3f508e c6414584 ce413e78 db3d3462 "
        "e7362b4e f131243f ff271a2c"
    ),
    "delta": (
        "00101f3f 091c2b5c 1225377d 17263e90 18254094 1a224498 1e1d4d9b 231a589d 2a1b669f "
        "35247ba4 423694aa 4944a1ad 4e52aaaf 5670b7b3 5d8cc1ba 65a9ccc4 6fcadcd2 77e3ebde "
        "7ef9f8e5 7ffdfae5 80fefccb 84f9f2bb 8fead98b 96deca6d 9cd2c053 a2c3b63b a9aead23 "
        "b096a410 b488a008 b77e9c05 ba739805 be659309 ce2b7d21 d4197327 d90e6a2a de0a612c "
        "e20c5a2c ea144b2a f4193721 fa182c1a ff172312"
    ),
    "dense": (
        "00e6f0f0 10cae3e7 1eb3d7e3 2aa1cde2 398dbfe2 4a7cafe3 59749fe4 667390e3 717483df "
        "807771d5 867869cf 93795bc2 a0784cb2 b5733794 ca692573 d4621d63 e157164d f3441132 "
        "ff360e24"
    ),
    "diff": (
        "0007223f 0e133a5a 15194665 1b25506c 1f2f5670 2c4b697e 42788b99 5cafb7be 69cdd0d3 "
        "73e4e3e5 79efeded 7ef5f1f0 82f4f0ee 84f3eeeb 88ede8e3 9fc3baa8 a3bbb39e adaba186 "
        "c2897c56 ce77693c d8665a28 de5a5221 f0383814 ff1c2206"
    ),
    "gist_earth": (
        "00000000 0100002b 02010038 0704006e 08050273 09050474 1c123077 2d1d537a 3422607b "
        "452d7b7f 482f7f7f 4a30817d 74449949 77499b46 8c78a652 b1b5b65d b4b7b55e c7bfa464 "
        "cbc2a36c d0c8a678 ded8b39a e5dfbdac f6f2e0df fffdfafa"
    ),
    "gnbu": (
        "00f7fcf0 20dff2da 3ecdebc6 5ea9ddb5 689cd8b8 8277cac5 9e4fb4d2 a24bafd1 be2c8dbe "
        "df0868ac ff084081"
    ),
    "gray": "00000000 ffffffff",
    "greens": (
        "00f7fcf5 1ee6f5e1 22e3f4dd 43c3e7bc 619fd899 7d77c578 8270c274 9f41ab5d c1218943 "
        "df006d2c ff00441b"
    ),
    "greys": (
        "00ffffff 24ededed 42d7d7d7 5bc1c1c1 62bababa 858f8f8f ab666666 bf525252 e0232323 ff000000"
    ),
    "haline": (
        "0029186b 092d1a81 112e1d95 162b229f 192827a2 1f2131a2 2815409d 2e0f4799 330c4d96 "
        "3b0c5692 4a16648c 5e277589 6b308088 863e9886 9346a483 9f4eaf7e ad5cbb76 bc72c86a "
        "cb91d25d d4a7d75b dab6da5e e3cade68 efe1e57b fffdee99"
    ),
    "hot": "000a0000 5dfe0000 62ff0c00 befffe00 bfffff02 ffffffff",
    "ice": (
        "00030512 1214152c 21222042 39343369 493c4083 553e4b96 5c3e529f 6a3e62ac 753e6eb2 "
        "7f4179b7 924c8ebe a1589ec3 ba72b8cd cb8acad5 d49ad2d9 e4b8e1e4 ffeafcfd"
    ),
    "inferno": (
        "00000003 03010007 07020210 110b0726 18140b36 1d1c0c43 29300a5c 2f3b0964 35450a69 "
        "435b116e 567a1c6d 68962666 7eb83556 8dcd4247 9ee25733 aaed6825 b6f57c15 c0f98e08 "
        "c3fa9306 cafba007 cffbaa0e d7fbb91e e3f7d13c e8f4db4b eef2e660 f5f1f27d fcf7fb99 "
        "fffcfea4"
    ),
    "magma": (
        "00000003 03010007 0a040415 150f0b2c 1d180f3f 221f114b 2e321067 343c0f71 3c4a1079 "
        "4558157e 4d651a80 658a2881 7cb0347b 89c53c74 92d3426d 9ee44e64 a7ee5b5e aef3675b "
        "b8f9795c c3fc8e63 ccfd9f6c d4feae76 e1fec689 edfddc9d fffbfcbf"
    ),
    "matter": (
        "00fdedb0 13fbd296 2bf7b17a 39f39e6c 4ded835c 5ae87155 65e26252 76d74d53 8bc3385a "
        "a6a32561 af982163 c47d1a62 d368185d e0571656 f23f1349 ff2f0f3d"
    ),
    "oranges": "00fff5eb 22fde4cb 3efdd1a4 61fdac68 7ffd8d3c a0f06812 bfd94801 e0a43503 ff7f2704",
    "orrd": (
        "00fff7ec 1efee8ca 23fde6c3 3ffdd49e 5dfdbd86 61fcb982 80fb8c58 9fef6548 bfd7301f "
        "deb40101 ff7f0000"
    ),
    "oxy": (
        "003f0505 03430505 04460606 0c53070a 115c070c 135e070c 1461070d 1765060d 1c6f050f "
        "267f050d 2883070c 2b860b0a 2c880e09 328e1807 334f4f4e 3e595858 435e5e5d 4e686767 "
        "5a737372 79939292 86a1a1a0 89a4a3a3 8eaaaaa9 91adacab 96b3b2b2 98b5b4b3 a1c0bfbe "
        "a4c2c2c1 adcececd b0d1d1cf bce0e0de bee3e3e2 c8f0efee c9f2f2f0 cbf4f4f2 ccf7fe68 "
        "cff3fb61 d0f1f95c d3edf654 d4ebf44e d7eaf045 d8eaee40 dde9e536 e3e8dc2f e8e6d229 "
        "efe3c824 f0e3c523 f7e0bb1e f8dfb81d fbdeb51c fcddb21a ffdcae19"
    ),
    "pink": (
        "001e0000 04311919 073c2222 0c4a2d2d 11573535 16613d3d 23794d4d 34925e5e 49ac6f6f "
        "5dc17d7d 5ec27f7e 72ca9b8b 8bd4b899 a4ded1a6 bee8e8b3 c8ebebc1 d9f2f2d6 ffffffff"
    ),
    "piyg": (
        "008e0152 1ac51c7d 33de77ae 4cf0b4d9 4ff2badc 66fde0ef 7ff7f6f6 80f6f6f6 99e6f5d0 "
        "b3b6e084 cb81bd43 cd7dba3f e64c9120 ff276419"
    ),
    "plasma": (
        "000c0786 051b068c 11330497 204c02a1 2f6400a7 3a7500a8 3e7b02a8 478807a5 559b179e "
        "69b42d8d 86d14e72 98df6262 a9ec7754 bbf68e44 ccfca635 e1fdc626 e7fbd024 ecfad824 "
        "fcf1f326 ffeff821"
    ),
    "prgn": (
        "0040004b 146a2076 1a762b83 339970ab 49bc9dca 66e7d4e8 7ff6f6f6 80f6f6f6 99d9f0d3 "
        "b3a4da9e ca5fb165 ce55a95d e41e7b39 e61a7636 ff00441b"
    ),
    "pubu": (
        "00fff7fb 21ebe6f1 42cdcfe5 5ea8bedb 7b7babd0 8073a8ce 9f3690c0 bc0973b1 c0046faf "
        "df045a8d ff023858"
    ),
    "pubugn": (
        "00fff7fb 21ebe1ef 42cdcfe5 60a5bcda 7f67a9cf 9f3690c0 bb088391 c0018088 df016c59 ff014636"
    ),
    "puor": (
        "007f3b08 15a95206 1bb55a06 33e08214 4dfdb864 66fee0b6 7ef7f5f3 80f6f6f6 99d8daeb "
        "b3b1a9d1 cc8073ac e5542888 e8502382 f043166e ff2d004b"
    ),
    "purd": (
        "00f7f4f9 1ee7e2ef 23e5ddec 40d3b8d9 5dc997c8 61c991c6 7edd67b1 80df64af 99e53491 "
        "a0e62888 bfce1256 de990043 e0960042 ff67001f"
    ),
    "purples": (
        "00fcfbfd 1df0eef5 2ce7e5f1 3edbdbeb 59c2c3df 66b6b6d8 7e9f9bc8 a07f7cb9 be6a52a3 "
        "e053258e ff3f007d"
    ),
    "rain": (
        "00eeedf2 0be5e1e1 11e2dbd8 28d6c2ab 2ed0bd9f 32ccba99 35c7b994 3fb7b38a 617ca076 "
        "725b966f 7b47916d 862f8a6d 9216806e 9c08786e a403706d ae04676c b509616a be125867 "
        "c81b4f61 ce1e495e d020475c db243d53 eb252e46 ff211a38"
    ),
    "rdbu": (
        "0067001f 129b1027 1ab2192b 32d45d4b 4af19e7c 4df4a683 66fddbc7 7ff7f6f6 99d1e5f0 "
        "b390c4dd cc4393c3 e52166ac ff053061"
    ),
    "rdgy": (
        "0067001f 19b0172a 1db6212f 33d6604d 4df4a683 66fddbc7 7ffefefd 81fdfdfd 99e0e0e0 "
        "b3b9b9b9 cc878787 e7494949 ff1a1a1a"
    ),
    "rdpu": (
        "00fff7f3 22fcdedb 40fbc4bf 43fbc1be 60f99eb4 7ff768a1 a0dc3396 bfae017e df7a0177 ff49006a"
    ),
    "rdylbu": (
        "00a50026 19d62f26 1cd93529 33f46d43 4dfdae61 66fee090 7ffefebe 81fdfec2 95e4f4ef "
        "99e0f3f7 9addf1f7 b3a9d8e8 cc74add1 e54576b4 ff313695"
    ),
    "rdylgn": (
        "00a50026 19d62f26 1cd93529 33f46d43 4bfcaa5f 55fdbe6e 66fee08b 7ffefebd 80fefebd "
        "9ad7ee89 b1a9da6b b3a4d869 cc66bd63 e51b9850 ff006837"
    ),
    "reds": "00fff5f0 21fdded0 3efcbda3 5ffc9272 7efb6b4b 9fef3b2c c0ca171c dfa50f15 ff67000c",
    "seismic": "0000004c 400101ff 7ffdfdff 80fffdfd bfff0000 ff7f0000",
    "solar": (
        "00331317 093e171c 1e581f23 2c6a2324 37772824 3f812c22 4d8f341e 55973b1b 5f9f4319 "
        "6ca95015 8abb6e12 9ac48014 abcb9319 b8d1a21f cdd8bb2a eddfe43e ffe0fd4a"
    ),
    "spectral": (
        "009e0142 18d13a4e 1cd8424d 33f46d43 4bfcaa5f 55fdbe6e 66fee08b 7ffefebd 80fefebe "
        "99e6f598 b3a9dca4 cc66c2a5 e53389bc e63286bc ff5e4fa2"
    ),
    "speed": (
        "00fefccd 15f0e3a0 25e5d27d 38d3c054 44c3b73c 52afad24 5f99a512 6a869f07 6f7d9c05 "
        "75739805 7d649309 8d478916 9b2e7e20 ab167128 b40d692b be0a602c cc0f532c d5144a2a "
        "e8193822 f8182918 ff172312"
    ),
    "tarn": (
        "0016230d 0c253810 1633480c 17364a0b 29675f1c 3a97702a 46bb7c38 49c37f3e 4cca8347 "
        "4fcd8a53 6ae6c8b0 78f6eae2 7bfaf0ec 7ffcf7f5 81fcf7f4 85f7f2ea 8ee7dfc9 93dcd5b7 "
        "97d1cfac 9cc0c7a5 b7709d8b c34a8c82 cd2b7c7d d123757b d61e6c77 e119576d ed0e4264 "
        "f4083460 f90b2a5b ff0f1e4f"
    ),
    "tempo": (
        "00fef5f4 0feae7dd 22cfd7c3 35b2c9ac 4894bb99 5b72ae8b 675ba685 74419d81 8226917e "
        "8a1a8a7d 9113847b 98107d79 9d107977 b719606c ca1c4f61 e61a3551 ff141d43"
    ),
    "terrain": (
        "00333399 260098fe 27009afa 3f00ca6a 4001cc66 7ffdfe98 80fefd98 bf805c54 c0815d56 "
        "c4886760 ffffffff"
    ),
    "thermal": (
        "00032333 0a052a46 11082e56 1c123271 221b3381 28273391 2c303399 323d339f 394a369f "
        "465f3f99 516e4693 6183508e 739d5988 81b25f81 8dc46578 9bd86c69 a5e5745d b1f17f4f "
        "baf68b45 c2fa963f cafba23c d5fbb43c e1f8c741 e8f6d346 f7eeec53 ffe7fa5a"
    ),
    "topo": (
        "00271a2c 052e2139 0c362b4e 123d3462 19413f79 1d414685 213f4f8d 263d5a92 2c3d6695 "
        "34407798 494ea1a1 5156b1a3 555cb9a3 5964c1a3 5e72caa3 6281d1a2 689adba4 6fb8e5ab "
        "73c9ebb1 7ffbfcca 800d2513 8c183a1b 931d461d 98244f1e 9a2a511e 9d335521 a74e6231 "
        "b1686e3b ba80793f c9a98c3f d0be953e d1c19640 d4c59c4c e4d6be84 f4e8e3bc fff8fde4"
    ),
    "turbid": (
        "00e8f5ab 1cd9d582 32cfbc66 43c8aa54 57be9545 62b78a40 71ad7c3c 80a16f3b 978c5e39 "
        "b0724e37 c9583f31 e53c2f27 ff221e1b"
    ),
    "turbo": (
        "0030123b 0536215f 0d3d3791 15434eba 184456c7 1e4666dd 254678f0 2b4587fb 2f4291fe "
        "333e9bfe 3639a2fc 3b31aff5 4126bde9 461ec9dc 4c18d5cc 5117debf 561be5b4 5b24eca6 "
        "633bf48d 684df97c 6f69fd65 7787fe4d 7c98fe42 83acfa37 8bc0f233 93d4e735 9ce7d738 "
        "a2f0cb3a a9f9bc39 b1fda932 b7fe982c c1fa7a1f cbf15d13 d4e5460a ddd63405 e6c32402 "
        "efac1601 fa8b0901 ff7a0402"
    ),
    "twilight": (
        "00e1d8e2 04ddd9e0 07d8d7dd 0ad2d5da 0fc5cfd4 19a7c0ca 1e98b7c7 2192b3c6 238baec5 "
        "2588abc4 2684a9c3 2e749ac1 346b8ebf 3d637cbb 3e6278bb 426171b9 43606db8 4a5f5eb3 "
        "4f5e51ad 525e4baa 535d48a7 565d40a3 5a5c389c 5b5b3499 5d5a3095 62572589 67521b78 "
        "6a4e1870 6c4a1567 7044125a 763a1048 7c32113b 7f2f1337 84341137 8e471240 93541545 "
        "94551546 965c1648 9d6e1b4e a47f2250 a7872750 b09a364f b4a03d4f b7a6444f bcad4f50 "
        "bfb25652 c4b76054 c5b96456 c7bb6857 cec17960 d7c78f72 decba185 e4ceae97 e7d1b6a3 "
        "f2dbccc8 f4dccecc f6ded2d3 fbe0d7dd ffe1d8e1"
    ),
    "viridis": (
        "00440154 1148196b 21462d7c 28453681 383e4989 4538578c 592e6b8e 7125828e 821f928c "
        "911ea087 9b23a982 a42cb17d ad39b976 b445bf6f bf5bc862 ca74d054 d897d83e e8c2df22 "
        "f1dae218 f7e9e419 faf1e51c fffde724"
    ),
    "ylgn": (
        "00ffffe5 20f6fbb8 41d7efa2 62a9db8c 7e7ac779 8470c275 9f41ab5d c0228342 df006837 ff004529"
    ),
    "ylgnbu": "00ffffd9 20ecf7b1 40c6e8b4 5d84cfba 7f41b6c3 9f1d91c0 c1225ba6 df243494 ff081d58",
    "ylorbr": (
        "00ffffe5 1ffff7bd 3efee493 46fedc84 60fec34e 80fd9828 9fec7014 bfcc4c02 de9a3403 ff662505"
    ),
    "ylorrd": (
        "00ffffcc 1dffeea3 33fee186 3efeda78 43fed571 60fdb14b 80fc8c3b 9ffc4e2a bfe31a1c "
        "d9c40424 dfbd0025 ff800026"
    ),
}
"""Name -> entries of position (00 to ff) and colour (rrggbb), in hexadecimal digits."""


def ramp_colours(name: str) -> list[tuple[float, Color]]:
    """Places from 0 to 1 and the colours there, in order; with `_r` the other way round.

    Raises KeyError for an unknown ramp.
    """
    lowered = name.lower()
    entries = [bytes.fromhex(entry) for entry in _RAMPS[lowered.removesuffix("_r")].split()]
    colours = [(place / 255, (red, green, blue, 255)) for place, red, green, blue in entries]
    if lowered.endswith("_r"):
        return [(1 - place, colour) for place, colour in reversed(colours)]
    return colours
