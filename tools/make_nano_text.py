#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The text that models/nano/ is made from: Yuan text lines, in Chinese and English.

  make_nano_text.py > text.txt       the same bytes every time

A line is one document; `<sep>` stands between a question and its answer and `<n>` for a new line. The
text is meant to teach what the sample month's requests build on, and nothing of the requests
themselves: how sentences about people, goods, places and machines go, to copy a span unchanged, to
find the value that belongs to a key, to fill known parts into a layout, digits, kinds and the order of
things. No line holds a request's instruction, an answer, or what a held-out case gives;
tools/check_month.py proves it. Each kind of line is one function; KINDS says how often it is drawn.
"""
import sys

import sample_words as words
from sample_words import Stream

N_LINES = 110000
# Characters that the sentences below do not hold, or seldom: single ones are copied, without a meaning.
RARE = ("壹贰叁肆伍陆柒捌玖拾佰仟整元额币类别优先级寄存器宏定义复位值偏移称提取订单信息工据说明金"
        "转成行志合计进程模块收货人给把写出根内容时间姓名商品数量地址要送到大分的这账死处闪掉软忘"
        "速络弱纸系低联理退年月日同自起至止签约期于键值对")
NAMES_EN = words.FIRST_NAMES + words.LAST_NAMES
MACHINES = [b + r for b in words.BLOCKS for r in ("", "0", "1", "2", "3")] + words.REGISTERS
HAN = ("".join(words.ROADS + words.CITIES + words.ALL_GOODS) + words.SURNAMES + words.GIVEN +
       words.MEASURES + RARE)
SYMBOLS = list("|;:,.-_/#[](){}<>=+*\"'~@$%^&!?\\`") + list("，。：；、（）《》“”！？【】")


def number(s):
    """A number of one to four digits, each length as often; often the same digits again."""
    few = s.pick(["0123456789", "0123456789", str(s.below(10)) + str(s.below(10))])
    n = s.between(1, 4)
    return str(s.between(1, 9)) + "".join(s.pick(few) for _ in range(n - 1))


def code(s):
    """Letters and digits as machines, parts and rooms are named."""
    kind = s.below(7)
    if kind == 0:
        return "".join(s.pick("ABCDEFGHIJKLMNOPQRSTUVWXYZ") for _ in range(s.between(1, 4))) + number(s)
    if kind == 1:
        return s.pick(MACHINES) + s.pick("_-./") + s.pick(words.REGISTERS)
    if kind == 2:
        return "0x" + words.hexadecimal(s, s.pick([2, 2, 4, 4, 8]))
    if kind == 3:
        return s.pick(words.MODULES) + s.pick(["", ".", "/", "-"]) + number(s)
    if kind == 4:
        return f"{s.below(24):02d}:{s.below(60):02d}" + s.pick(["", f":{s.below(60):02d}"])
    if kind == 5:
        return s.pick([".", "-", ":", " "]).join(str(s.below(100)) for _ in range(s.between(2, 4)))
    return words.hexadecimal(s, s.between(3, 8))


def characters(s):
    return "".join(s.pick(HAN) for _ in range(s.between(1, 6)))


FAULTY = ["打印机", "路由器", "键盘", "屏幕", "硬盘", "网页", "密码", "程序", "文件", "无线信号", "验证码", "权限",
          "温度", "空间"]
FAULTS = ["坏了", "失灵", "卡住", "很慢", "打不开", "不亮", "丢失", "过高", "不足", "断开", "有异响", "更新完成",
          "启动失败", "超时"]


def fault(s):
    """What went wrong, in a few characters."""
    return s.pick(FAULTY) + s.pick(FAULTS)


# What a sentence can speak of: name of the part, how it is drawn, the ways it stands in a sentence.
PARTS = [
    ("人名", words.person, ["{}说", "找{}", "由{}负责", "{}", "{}在"]),
    ("东西", lambda s: s.pick(words.ALL_GOODS), ["有{}", "{}", "要用{}", "运来{}"]),
    ("多少", lambda s: str(s.between(2, 99)) + s.pick(words.MEASURES), ["共{}", "{}", "只剩{}"]),
    ("哪里", words.address, ["在{}", "去{}", "{}", "路过{}"]),
    ("城市", lambda s: s.pick(words.CITIES), ["从{}", "寄往{}", "{}"]),
    ("几点", lambda s: f"{s.below(24):02d}:{s.below(60):02d}", ["{}", "({})", "到{}为止"]),
    ("等级", lambda s: s.pick(words.LEVELS), ["{}", "等级{}", "<{}>"]),
    ("机器", lambda s: s.pick(words.MODULES), ["{}", "机器{}", "{}上"]),
    ("部件", lambda s: s.pick(words.BLOCKS) + str(s.below(10)) + "_" + s.pick(words.REGISTERS),
     ["{}", "部件{}", "{}里"]),
    ("代码", lambda s: "0x" + words.hexadecimal(s, s.pick([2, 4, 6])), ["{}", "代码{}", "读到{}"]),
    ("编号", number, ["{}号", "编号{}", "#{}"]),
    ("情况", fault, ["{}", "发现{}", "因为{}"]),
    ("哪年", lambda s: f"{s.between(1950, 2030)}年", ["{}", "在{}"]),
]
PARTS_EN = [
    ("who", words.person_en, ["{}", "by {}", "{} and friends", "for {}"]),
    ("what", lambda s: s.pick(words.ACTIVITIES), ["{}", "a {}", "the {}"]),
    ("thing", lambda s: s.pick(words.COLOURS_EN) + " " + s.pick(words.THINGS),
     ["the {}", "a {}", "one {}"]),
    ("month", lambda s: s.pick(words.MONTHS), ["in {}", "{}", "until {}"]),
    ("where", code, ["at {}", "near {}", "[{}]"]),
    ("count", number, ["no. {}", "{} times", "{}"]),
]


def speak(s, parts, fewest, most):
    """A sentence of some parts in any order, and the parts as a list of (name, value)."""
    chosen = [(name, draw(s), frames)
              for name, draw, frames in s.some(parts, s.between(fewest, most))]
    joint = s.pick([" ", ", ", ": "] if parts[0][0].isascii() else ["，", " ", "", "；"])
    text = joint.join(s.pick(frames).format(v) for _, v, frames in chosen)
    return text, [(name, v) for name, v, _ in chosen]


def pick_parts(s):
    """Parts of a sentence, in the order and with the sign between them that is asked for."""
    parts = s.pick([PARTS, PARTS, PARTS_EN])
    text, known = speak(s, parts, 2, 4)
    asked = s.some(known, s.between(1, min(4, len(known))))
    joint = s.pick(["、", " / ", "<n>", "，", " -> ", "--", " + "])
    names, values = joint.join(name for name, _ in asked), joint.join(v for _, v in asked)
    return text + "<n>" + names + "？<sep>" + values


# Instructions with a fixed layout each: (instruction, parts it needs, layout). None is a request's.
FORMS = [
    ("做一张名片", ["人名", "城市"], "{}@{}"),
    ("写货单", ["东西", "多少"], "* {} x {}"),
    ("写路牌", ["哪里"], "<{}>"),
    ("记一笔", ["几点", "情况"], "{} ~ {}"),
    ("报修", ["部件", "情况", "人名"], "!{}!{}!{}"),
    ("查代码", ["部件", "代码"], "{} == {}"),
    ("贴标签", ["编号", "东西"], "No.{} ({})"),
    ("寄件", ["人名", "哪里", "东西"], "to {}, {} [{}]"),
    ("看等级", ["等级", "机器"], "{}/{}"),
    ("排班", ["人名", "几点", "机器"], "{} {} {}"),
    ("留底", ["哪年", "编号"], "{}第{}"),
    ("盘点", ["城市", "东西", "多少"], "{}>{}>{}"),
    ("Make a badge", ["who", "where"], "** {} ** {}"),
    ("Make a list", ["what", "who"], "{}: {}"),
    ("Short note", ["month", "what", "who"], "{}; {}; {}"),
    ("Lost and found", ["thing", "where"], "{} ({})"),
    ("Count them", ["count", "thing"], "{} x {}"),
    ("Plan", ["month", "where"], "{} -> {}"),
]


def fill_form(s):
    """A fixed layout, filled from a sentence that speaks of other things too."""
    instruction, wanted, form = s.pick(FORMS)
    parts = PARTS_EN if wanted[0].isascii() else PARTS
    others = s.some([part for part in parts if part[0] not in wanted], s.below(3))
    needed = [part for part in parts if part[0] in wanted] + others
    text, known = speak(s, needed, len(needed), len(needed))
    values = dict(known)
    filled = form.format(*[values[name] for name in wanted])
    return instruction + s.pick(["：", "<n>", ": "]) + text + "<sep>" + filled


def value(s):
    """Anything that can stand as a value."""
    return s.pick([lambda: s.pick(PARTS)[1](s), lambda: s.pick(PARTS)[1](s),
                   lambda: s.pick(PARTS_EN)[1](s), lambda: code(s), lambda: characters(s)])()


ROOMS = ["三楼", "财务部", "会议室", "前台", "研发部", "实验室", "二号车间", "人事部", "机房"]
OUTCOMES = ["客户走了", "全部门都停工", "影响了工作", "下周再来", "今天之内没有消息"]
EVENTS = ["正在读取数据", "写入失败", "收到请求", "重试成功", "连接断开", "校验错误", "任务结束", "升级配置",
          "安装报错", "登录被锁定", "没有访问权限", "启动完成"]


def sentences(s):
    """One to three plain sentences in Chinese."""
    out = []
    for _ in range(s.between(1, 3)):
        p, q, c = words.person(s), words.person(s), s.pick(words.CITIES)
        out.append(s.pick([
            lambda: f"{p}住在{c}，{q}也住在{c}。",
            lambda: f"{p}在{s.pick(words.ROADS)}买了{s.pick(words.ALL_GOODS)}。",
            lambda: f"{c}今天{s.pick(['下雨', '晴天', '有风', '下雪'])}，{p}没有出门。",
            lambda: f"{p}把{s.pick(words.ALL_GOODS)}放在{s.pick(['桌上', '门口', '车里', '仓库里'])}。",
            lambda: f"{s.pick(ROOMS)}的{fault(s)}，{p}去看了。",
            lambda: f"{p}等{q}等了{number(s)}分钟，{s.pick(OUTCOMES)}。",
            lambda: (f"{s.pick(['请尽快', '不急，有空再', '马上'])}看看这{s.pick(words.MEASURES)}"
                     f"{s.pick(words.ALL_GOODS)}。"),
            lambda: f"这台机器{s.pick(EVENTS)}。"])())
    return "".join(out)


def sentences_en(s):
    """One to three plain sentences in English."""
    out = []
    for _ in range(s.between(1, 3)):
        p, q, m = s.pick(words.FIRST_NAMES), words.person_en(s), s.pick(words.MONTHS)
        out.append(s.pick([
            lambda: f"{p} met {q} in {m}.",
            lambda: f"The {s.pick(words.COLOURS_EN)} {s.pick(words.THINGS)} is in room {code(s)}.",
            lambda: f"{p} has {s.between(2, 99)} {s.pick(words.THINGS)}s on the {s.pick(words.THINGS)}.",
            lambda: f"The {s.pick(words.ACTIVITIES).lower()} with {q} comes on {m} {s.between(1, 28)}.",
            lambda: (f"{q} turned the {s.pick(words.THINGS)} into a {s.pick(words.THINGS)} "
                     "for this line of work.")])())
    return " ".join(out)


def copy(s):
    """Write it once more, unchanged."""
    what = s.pick([" ", "，", "；", "<n>", "/", ""]).join(value(s) for _ in range(s.between(1, 4)))
    ask = s.pick(["抄写：", "照原样写一遍：", "Copy: ", "Repeat after me: ", "重复"])
    return ask + what + "<sep>" + what


def symbols(s):
    """Copying signs and characters without any sense, so that each has been seen."""
    what = "".join(s.pick([s.pick(SYMBOLS), s.pick(HAN), s.pick(RARE), code(s)])
                   for _ in range(s.between(2, 8)))
    return what + "<sep>" + what


KEYS = ["颜色", "编号", "重量", "来源", "班级", "房间", "电话", "作者", "单价", "备注", "长度", "型号", "城市",
        "日子", "组长", "代码"]
KEYS_EN = ["colour", "number", "weight", "owner", "place", "phone", "author", "price", "note", "size",
           "model", "code"]


def record(s):
    """Two to four keys, each with its value."""
    keys = s.some(s.pick([KEYS, KEYS_EN]), s.between(2, 4))
    return keys, [value(s) for _ in keys]


def look_up(s):
    """The value that belongs to a key."""
    keys, values = record(s)
    equals, comma = s.pick(["是", "=", " ", "为", ": "]), s.pick(["，", ", ", "<n>", "。"])
    i = s.below(len(keys))
    asked = s.pick(["{}是什么？", "问{}。", "{}?", "只写{}"]).format(keys[i])
    given = comma.join(k + equals + v for k, v in zip(keys, values))
    return given + "<n>" + asked + "<sep>" + values[i]


def digits(s):
    """Digits one by one: read aloud, padded, spelled; days in figures."""
    n = number(s)
    aloud = "".join(words.DIGITS_ZH[int(d)] for d in n)
    day = (s.between(1950, 2030), s.between(1, 12), s.between(1, 28))
    return s.pick([
        lambda: f"逐位读{n}<sep>{aloud}",
        lambda: f"{aloud}用数字写<sep>{n}",
        lambda: f"Spell {n}<sep>" + " ".join(n),
        lambda: f"把{int(n) % 100}补足两位<sep>{int(n) % 100:02d}",
        lambda: f"{int(n) % 100} with two digits<sep>{int(n) % 100:02d}",
        lambda: "日历{}年{}月{}日<sep>{}{:02d}{:02d}".format(*day, *day),
        lambda: "{}月{}日的那一页<sep>{:02d}.{:02d}".format(*day[1:], *day[1:]),
        lambda: f"Page {words.MONTHS[day[1] - 1]} {day[2]}<sep>{day[1]:02d}.{day[2]:02d}"])()


JUDGED = [("好", ["很好用", "大家都喜欢", "又快又好", "没有问题"]), ("差", ["不能用", "没有人喜欢", "坏了", "太贵了"])]


def kinds(s):
    """What belongs together, and what comes before what."""
    kind = s.pick(list(words.GOODS))
    month, day = s.below(12), s.below(7)
    colour = s.pick(words.COLOURS)
    verdict, reasons = s.pick(JUDGED)
    goods, week = words.GOODS[kind], "一二三四五六日"
    return s.pick([
        lambda: f"{words.person(s)}说{s.pick(goods)}{s.pick(reasons)}，哪一种，好不好？<sep>{kind}，{verdict}",
        lambda: f"{s.pick(goods)}{s.pick(reasons)}，{words.person(s)}说。好不好，哪一种？<sep>{verdict}，{kind}",
        lambda: f"{s.pick(goods)}是哪一种？<sep>{kind}",
        lambda: f"{words.person(s)}买了{s.pick(goods)}，买的是哪一种？<sep>{kind}",
        lambda: f"{words.MONTHS[month]} is followed by<sep>{words.MONTHS[(month + 1) % 12]}",
        lambda: f"Which month of the year is {words.MONTHS[month]}?<sep>{month + 1}",
        lambda: f"星期{week[day]}的后一天<sep>星期{week[(day + 1) % 7]}",
        lambda: f"{colour}的{s.pick(words.ALL_GOODS)}是什么颜色？<sep>{colour}色",
        lambda: f"Is {s.pick(NAMES_EN)} a month?<sep>no",
        lambda: f"Is {words.MONTHS[month]} a month?<sep>yes"])()


# How often each kind is drawn.
KINDS = [(2, sentences), (2, sentences_en), (9, copy), (5, symbols), (3, look_up), (9, pick_parts),
         (10, fill_form), (6, digits), (5, kinds)]


def main():
    s, table = Stream("nano text"), [make for times, make in KINDS for _ in range(times)]
    out = open(sys.stdout.fileno(), "w", encoding="utf-8", newline="\n")
    for _ in range(N_LINES):
        out.write(s.pick(table)(s) + "\n")


if __name__ == "__main__":
    main()
