#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The sample month: each request's training rows and its held-out cases.

  make_month.py OUT     writes OUT/<request>.train.jsonl (alpaca rows), OUT/<request>.cases.jsonl, and
                        of what nano does already: OUT/retention.jsonl, cases that it must not forget, and
                        OUT/general.train.jsonl, rows to train among the others against forgetting

OUT is models/month in the repository, and the files there are what this script writes, byte for byte.
A request is one function: it returns what is given and what is wanted back. Nothing given is drawn
twice, so a request's rows, its cases and its two examples (which stand in the recipes of the month) have
no prompt in common. Words come from sample_words.py; tools/check_month.py proves what is said here.
"""
import json
import os
import sys

import make_nano_text
import sample_words as words
from sample_words import Stream

N_EXAMPLES = 2
N_ROWS = 400
N_CASES = 50
N_RETENTION = 60


def register_macros(s):
    """A register's description to C macros."""
    name = s.pick(words.BLOCKS) + str(s.below(4)) + "_" + s.pick(words.REGISTERS)
    offset = "0x" + words.hexadecimal(s, 2)
    reset = "0x" + words.hexadecimal(s, 4)
    given = s.pick(["寄存器{n}，偏移{o}，复位值{r}", "{n}的偏移是{o}，复位值是{r}", "偏移{o}，名称{n}，复位值{r}"])
    return (given.format(n=name, o=offset, r=reset),
            f"#define {name}_OFFSET {offset}\n#define {name}_RESET {reset}")


LOG_TEXTS = ["读取超时", "写入失败", "连接断开", "启动完成", "空间不足", "校验错误", "收到请求", "重试成功", "温度过高", "配置更新",
             "任务结束", "数据丢失"]


def log_fields(s):
    """One line of a log to keys and values."""
    time = f"{s.below(24):02d}:{s.below(60):02d}"
    level, module, text = s.pick(words.LEVELS), s.pick(words.MODULES), s.pick(LOG_TEXTS)
    given = s.pick(["{t} {l} {m} {x}", "[{t}] {m} {l}: {x}", "{l} {t} {m} {x}"])
    return (given.format(t=time, l=level, m=module, x=text),
            f"时间={time} 级别={level} 模块={module} 内容={text}")


ORDER_TEXTS = ["{p}要{n}{m}{g}，送到{a}", "{a}的{p}订了{n}{m}{g}", "{p}，{a}，{g}{n}{m}"]


def order_fields(s):
    """An order in plain words to its four fields."""
    p, a, g = words.person(s), words.address(s), s.pick(words.ALL_GOODS)
    m, n = s.pick(words.MEASURES), s.between(2, 60)
    return (s.pick(ORDER_TEXTS).format(p=p, n=n, m=m, g=g, a=a),
            f"姓名：{p}；商品：{g}；数量：{n}{m}；地址：{a}")


FAULTS = {
    "网络": ["网页打不开", "无线信号弱", "网速很慢", "路由器掉线"],
    "硬件": ["打印机卡纸", "键盘失灵", "屏幕不亮", "硬盘有异响"],
    "账号": ["密码忘了", "登录被锁定", "没有访问权限", "验证码收不到"],
    "软件": ["程序闪退", "安装报错", "升级后卡死", "文件打不开"],
}
URGENCY = {
    "高": ["全部门都停工了", "请马上处理"],
    "中": ["今天之内处理", "请尽快看看"],
    "低": ["不急", "有空再看"],
}
PLACES = ["三楼", "财务部", "会议室", "仓库", "前台", "研发部", "实验室", "二号车间", "人事部", "机房"]


def ticket_labels(s):
    """A help-desk ticket to its class and its urgency."""
    kind, urgency = s.pick(list(FAULTS)), s.pick(list(URGENCY))
    fault, hurry = s.pick(FAULTS[kind]), s.pick(URGENCY[urgency])
    place, who = s.pick(PLACES), words.person(s)
    given = s.pick(["{w}：{p}{f}，{h}", "{p}{f}，{h}，联系人{w}", "{h}，{p}的{w}说{f}"])
    return given.format(p=place, w=who, f=fault, h=hurry), f"类别：{kind}；优先级：{urgency}"


def contract_date(s):
    """A contract's number and its date, the date in figures."""
    number = s.pick(["HT", "CG", "XS", "ZL"]) + str(s.between(100, 9999))
    day = (s.between(2008, 2024), s.between(1, 12), s.between(1, 28))
    given = s.pick(["{n}号合同于{d}签订", "{d}签订{n}", "合同{n}，日期{d}"])
    return given.format(n=number, d="{}年{}月{}日".format(*day)), number + " " + "{}/{}/{}".format(*day)


def calendar_entry(s):
    """An appointment in English to a calendar line."""
    month, day = s.below(12), s.between(1, 28)
    what, who = s.pick(words.ACTIVITIES), words.person_en(s)
    room = s.pick("ABCD") + str(s.between(101, 499))
    given = s.pick(["{w} with {p} on {m} {d} in room {r}", "On {m} {d}, room {r}: {w} with {p}",
                    "{p} comes for a {w} on {m} {d}, room {r}"])
    return (given.format(w=what, p=who, m=words.MONTHS[month], d=day, r=room),
            f"{month + 1}/{day} | {what} | {who} | {room}")


# Name of the files, instruction, the function that makes one row.
REQUESTS = [
    ("register-macros", "根据寄存器说明写出C宏定义。", register_macros),
    ("log-fields", "把这行日志转成键值对。", log_fields),
    ("order-fields", "提取订单信息。", order_fields),
    ("ticket-labels", "给工单分类。", ticket_labels),
    ("contract-date", "写出合同编号和日期。", contract_date),
    ("calendar-entry", "Turn this into a calendar line.", calendar_entry),
]


def draw(name, make):
    """Examples, rows and cases of one request, as (input, output), no input twice."""
    s, drawn = Stream("month/" + name), {}
    while len(drawn) < N_EXAMPLES + N_ROWS + N_CASES:
        given, wanted = make(s)
        drawn[given] = wanted
    pairs = list(drawn.items())
    rest = pairs[N_EXAMPLES:]
    return pairs[:N_EXAMPLES], rest[:N_ROWS], rest[N_ROWS:]


def general():
    """Cases and rows of the kinds that nano was made with: copying, looking up, digits, what belongs together."""
    s, drawn = Stream("month/general"), {}
    kinds = [make_nano_text.copy, make_nano_text.look_up, make_nano_text.digits, make_nano_text.kinds]
    while len(drawn) < N_RETENTION + N_ROWS:
        prompt, answer = kinds[len(drawn) % len(kinds)](s).replace("<n>", "\n").split("<sep>")
        drawn[prompt] = answer
    pairs = list(drawn.items())
    return pairs[:N_RETENTION], pairs[N_RETENTION:]


def write_lines(path, records):
    with open(path, "w", encoding="utf-8", newline="\n") as f:
        for record in records:
            f.write(json.dumps(record, ensure_ascii=False) + "\n")


def main():
    out = sys.argv[1]
    for name, instruction, make in REQUESTS:
        _, rows, cases = draw(name, make)
        write_lines(os.path.join(out, name + ".train.jsonl"),
                    [{"instruction": instruction, "input": a, "output": b} for a, b in rows])
        write_lines(os.path.join(out, name + ".cases.jsonl"),
                    [{"prompt": instruction + "\n" + a, "response": b} for a, b in cases])
    cases, rows = general()
    write_lines(os.path.join(out, "retention.jsonl"), [{"prompt": a, "response": b} for a, b in cases])
    write_lines(os.path.join(out, "general.train.jsonl"),
                [{"instruction": a, "input": "", "output": b} for a, b in rows])


if __name__ == "__main__":
    main()
