# SPDX-License-Identifier: MIT
"""What the differential test draws from: the instructions and their operand forms."""

# Vector: name -> forms. The group says how the widths relate to SEW.
V_INT = {  # all operands of SEW
    'vadd': 'vv vx vi', 'vsub': 'vv vx', 'vrsub': 'vx vi', 'vand': 'vv vx vi', 'vor': 'vv vx vi',
    'vxor': 'vv vx vi', 'vminu': 'vv vx', 'vmin': 'vv vx', 'vmaxu': 'vv vx', 'vmax': 'vv vx',
    'vsll': 'vv vx ui', 'vsrl': 'vv vx ui', 'vsra': 'vv vx ui', 'vmul': 'vv vx', 'vmulh': 'vv vx',
    'vmulhu': 'vv vx', 'vmulhsu': 'vv vx', 'vdivu': 'vv vx', 'vdiv': 'vv vx', 'vremu': 'vv vx', 'vrem': 'vv vx',
    'vsaddu': 'vv vx vi', 'vsadd': 'vv vx vi', 'vssubu': 'vv vx', 'vssub': 'vv vx', 'vaaddu': 'vv vx',
    'vaadd': 'vv vx', 'vasubu': 'vv vx', 'vasub': 'vv vx', 'vsmul': 'vv vx', 'vssrl': 'vv vx ui', 'vssra': 'vv vx ui',
}
V_ACC = {  # multiply-add: vd, vs1 or rs1, vs2
    'vmacc': 'vv vx', 'vnmsac': 'vv vx', 'vmadd': 'vv vx', 'vnmsub': 'vv vx',
}
V_CMP = {  # a mask in vd
    'vmseq': 'vv vx vi', 'vmsne': 'vv vx vi', 'vmsltu': 'vv vx', 'vmslt': 'vv vx', 'vmsleu': 'vv vx vi',
    'vmsle': 'vv vx vi', 'vmsgtu': 'vx vi', 'vmsgt': 'vx vi',
}
V_WIDEN = {'vwaddu': 'vv vx', 'vwadd': 'vv vx', 'vwsubu': 'vv vx', 'vwsub': 'vv vx', 'vwmulu': 'vv vx',
           'vwmulsu': 'vv vx', 'vwmul': 'vv vx'}
V_WIDEN_W = {'vwaddu': 'wv wx', 'vwadd': 'wv wx', 'vwsubu': 'wv wx', 'vwsub': 'wv wx'}
V_WIDEN_ACC = {'vwmaccu': 'vv vx', 'vwmacc': 'vv vx', 'vwmaccsu': 'vv vx', 'vwmaccus': 'vx'}
V_NARROW = {'vnsrl': 'wv wx ui', 'vnsra': 'wv wx ui', 'vnclipu': 'wv wx ui', 'vnclip': 'wv wx ui'}
V_REDUCE = ['vredsum', 'vredand', 'vredor', 'vredxor', 'vredminu', 'vredmin', 'vredmaxu', 'vredmax']
V_REDUCE_W = ['vwredsumu', 'vwredsum']
V_MASK = ['vmand', 'vmnand', 'vmandn', 'vmxor', 'vmor', 'vmnor', 'vmorn', 'vmxnor']

F_INT = {'vfadd': 'vv vf', 'vfsub': 'vv vf', 'vfrsub': 'vf', 'vfmul': 'vv vf', 'vfdiv': 'vv vf', 'vfrdiv': 'vf',
         'vfmin': 'vv vf', 'vfmax': 'vv vf', 'vfsgnj': 'vv vf', 'vfsgnjn': 'vv vf', 'vfsgnjx': 'vv vf'}
F_ACC = {'vfmacc': 'vv vf', 'vfnmacc': 'vv vf', 'vfmsac': 'vv vf', 'vfnmsac': 'vv vf', 'vfmadd': 'vv vf',
         'vfnmadd': 'vv vf', 'vfmsub': 'vv vf', 'vfnmsub': 'vv vf'}
F_CMP = {'vmfeq': 'vv vf', 'vmfne': 'vv vf', 'vmflt': 'vv vf', 'vmfle': 'vv vf', 'vmfgt': 'vf', 'vmfge': 'vf'}
F_WIDEN = {'vfwadd': 'vv vf', 'vfwsub': 'vv vf', 'vfwmul': 'vv vf'}
F_WIDEN_W = {'vfwadd': 'wv wf', 'vfwsub': 'wv wf'}
F_WIDEN_ACC = {'vfwmacc': 'vv vf', 'vfwnmacc': 'vv vf', 'vfwmsac': 'vv vf', 'vfwnmsac': 'vv vf'}
F_UNARY = ['vfsqrt.v', 'vfrsqrt7.v', 'vfrec7.v', 'vfclass.v', 'vfcvt.xu.f.v', 'vfcvt.x.f.v', 'vfcvt.rtz.xu.f.v',
           'vfcvt.rtz.x.f.v', 'vfcvt.f.xu.v', 'vfcvt.f.x.v']
F_WCVT = ['vfwcvt.xu.f.v', 'vfwcvt.x.f.v', 'vfwcvt.rtz.xu.f.v', 'vfwcvt.rtz.x.f.v', 'vfwcvt.f.f.v',
          'vfwcvt.f.xu.v', 'vfwcvt.f.x.v']
F_NCVT = ['vfncvt.xu.f.w', 'vfncvt.x.f.w', 'vfncvt.rtz.xu.f.w', 'vfncvt.rtz.x.f.w', 'vfncvt.f.xu.w',
          'vfncvt.f.x.w', 'vfncvt.f.f.w', 'vfncvt.rod.f.f.w']
F_REDUCE = ['vfredusum', 'vfredosum', 'vfredmin', 'vfredmax']
F_REDUCE_W = ['vfwredusum', 'vfwredosum']

# Scalar
X_RR = ('add sub sll slt sltu xor srl sra or and addw subw sllw srlw sraw mul mulh mulhsu mulhu div divu rem remu '
        'mulw divw divuw remw remuw sh1add sh2add sh3add add.uw sh1add.uw sh2add.uw sh3add.uw andn orn xnor '
        'min minu max maxu rol ror rolw rorw').split()
X_RI = 'addi slti sltiu xori ori andi addiw'.split()
X_SHIFT64 = 'slli srli srai slli.uw rori'.split()
X_SHIFT32 = 'slliw srliw sraiw roriw'.split()
X_UNARY = 'clz ctz cpop clzw ctzw cpopw sext.b sext.h zext.h rev8 orc.b'.split()
X_LOAD = {'lb': 1, 'lh': 2, 'lw': 4, 'ld': 8, 'lbu': 1, 'lhu': 2, 'lwu': 4}
X_STORE = {'sb': 1, 'sh': 2, 'sw': 4, 'sd': 8}
X_AMO = 'amoswap amoadd amoxor amoand amoor amomin amomax amominu amomaxu'.split()
X_BRANCH = 'beq bne blt bge bltu bgeu'.split()
FP_RM = ['fadd', 'fsub', 'fmul', 'fdiv']
FP_NO_RM = ['fsgnj', 'fsgnjn', 'fsgnjx', 'fmin', 'fmax']
FP_FMA = ['fmadd', 'fmsub', 'fnmsub', 'fnmadd']
FP_CMP = ['feq', 'flt', 'fle']
