"""Vendor reports in the layouts of recorded ones; the figures are ours.

Layouts are those of these public repositories' files:
csynth.xml of Vivado HLS 2019.2 and its cosim.rpt: YanLunHuang/hls4ml_layer; cosim.rpt of Vitis
HLS: seanlipps/ECE226_CoDesign (and a failed one: SpAllen0726/HG-DREAM-Pulse-Detection-Project);
report_utilization of Vivado 2020.1: thaarres/dnd_hls4ml, of 2022.2:
nycu-pcs-lab/LFADs-model-template, of 2024.1: seanlipps/ECE226_CoDesign.
report_timing_summary is as Vivado 2021.2 writes it.
"""

from __future__ import annotations

VITIS_CSYNTH = """<?xml version="1.0" encoding="UTF-8"?>
<profile>
<ReportVersion><Version>2023.2</Version></ReportVersion>
<UserAssignments>
<unit>ns</unit><ProductFamily>virtexuplus</ProductFamily><Part>xcvu9p-flga2104-2-e</Part>
<TopModelName>myproject</TopModelName>
<TargetClockPeriod>5.00</TargetClockPeriod><ClockUncertainty>1.35</ClockUncertainty>
<FlowTarget>vivado</FlowTarget>
</UserAssignments>
<PerformanceEstimates>
<PipelineType>yes</PipelineType>
<SummaryOfTimingAnalysis><unit>ns</unit><EstimatedClockPeriod>3.647</EstimatedClockPeriod></SummaryOfTimingAnalysis>
<SummaryOfOverallLatency>
<unit>clock cycles</unit>
<Best-caseLatency>13</Best-caseLatency><Average-caseLatency>14</Average-caseLatency><Worst-caseLatency>15</Worst-caseLatency>
<Best-caseRealTimeLatency>65.000 ns</Best-caseRealTimeLatency><Worst-caseRealTimeLatency>75.000 ns</Worst-caseRealTimeLatency>
<Interval-min>1</Interval-min><Interval-max>2</Interval-max>
</SummaryOfOverallLatency>
</PerformanceEstimates>
<AreaEstimates>
<Resources><BRAM_18K>4</BRAM_18K><DSP>171</DSP><FF>9744</FF><LUT>19834</LUT><URAM>0</URAM></Resources>
<AvailableResources><BRAM_18K>4320</BRAM_18K><DSP>6840</DSP><FF>2364480</FF><LUT>1182240</LUT><URAM>960</URAM></AvailableResources>
</AreaEstimates>
</profile>
"""

VIVADO_CSYNTH = """<profile>

<ReportVersion>
<Version>2019.2</Version>
</ReportVersion>

<UserAssignments>
<unit>ns</unit>
<ProductFamily>zynq</ProductFamily>
<Part>xc7z020-clg400-1</Part>
<TopModelName>myproject</TopModelName>
<TargetClockPeriod>10.00</TargetClockPeriod>
<ClockUncertainty>1.25</ClockUncertainty>
</UserAssignments>

<PerformanceEstimates>
<PipelineType>dataflow</PipelineType>
<SummaryOfTimingAnalysis>
<unit>ns</unit>
<EstimatedClockPeriod>8.397</EstimatedClockPeriod>
</SummaryOfTimingAnalysis>
<SummaryOfOverallLatency>
<unit>clock cycles</unit>
<Best-caseLatency>19</Best-caseLatency>
<Average-caseLatency>19</Average-caseLatency>
<Worst-caseLatency>19</Worst-caseLatency>
<Best-caseRealTimeLatency>0.190 us</Best-caseRealTimeLatency>
<Average-caseRealTimeLatency>0.190 us</Average-caseRealTimeLatency>
<Worst-caseRealTimeLatency>0.190 us</Worst-caseRealTimeLatency>
<DataflowPipelineThroughput>20</DataflowPipelineThroughput>
<Interval-min>20</Interval-min>
<Interval-max>20</Interval-max>
</SummaryOfOverallLatency>
</PerformanceEstimates>

<AreaEstimates>
<Resources>
<FF>870</FF>
<LUT>3680</LUT>
<BRAM_18K>2</BRAM_18K>
<DSP48E>7</DSP48E>
<URAM>0</URAM>
</Resources>
<AvailableResources>
<BRAM_18K>280</BRAM_18K>
<DSP48E>220</DSP48E>
<FF>106400</FF>
<LUT>53200</LUT>
<URAM>0</URAM>
</AvailableResources>
</AreaEstimates>

</profile>
"""

VITIS_COSIM = """Report time       : Wed Mar 11 03:40:07 PM PDT 2026.
Solution          : solution1.
Simulation tool   : xsim.

+----------+----------+-----------------------------------------------+-----------------------------------------------+----------------------+
|          |          |             Latency(Clock Cycles)             |              Interval(Clock Cycles)           | Total Execution Time |
+   RTL    +  Status  +-----------------------------------------------+-----------------------------------------------+    (Clock Cycles)    +
|          |          |      min      |      avg      |      max      |      min      |      avg      |      max      |                      |
+----------+----------+-----------------------------------------------+-----------------------------------------------+----------------------+
|      VHDL|        NA|             NA|             NA|             NA|             NA|             NA|             NA|                    NA|
|   Verilog|      Pass|             11|             11|             12|              1|              1|              1|                   211|
+----------+----------+-----------------------------------------------+-----------------------------------------------+----------------------+
"""

VIVADO_COSIM = """Report time       : Thu Aug 18 12:36:47 CST 2022.
Solution          : solution1.
Simulation tool   : xsim.

+----------+----------+-----------------------------------------------+-----------------------------------------------+
|          |          |                    Latency                    |                    Interval                   |
+   RTL    +  Status  +-----------------------------------------------+-----------------------------------------------+
|          |          |      min      |      avg      |      max      |      min      |      avg      |      max      |
+----------+----------+-----------------------------------------------+-----------------------------------------------+
|      VHDL|        NA|             NA|             NA|             NA|             NA|             NA|             NA|
|   Verilog|      Pass|             21|             21|             21|             NA|             NA|             NA|
+----------+----------+-----------------------------------------------+-----------------------------------------------+
"""

VIVADO_2020_UTILIZATION = """Copyright 1986-2020 Xilinx, Inc. All Rights Reserved.
--------------------------------------------------------------------------------------
| Tool Version : Vivado v.2020.1 (lin64) Build 2902540 Wed May 27 19:54:35 MDT 2020
| Command      : report_utilization -file vivado_synth.rpt
| Design       : myproject
| Device       : 7z020clg400-1
| Design State : Synthesized
--------------------------------------------------------------------------------------

Utilization Design Information

1. Slice Logic
--------------

+-------------------------+-------+-------+-----------+-------+
|        Site Type        |  Used | Fixed | Available | Util% |
+-------------------------+-------+-------+-----------+-------+
| Slice LUTs*             |  3127 |     0 |     53200 |  5.88 |
|   LUT as Logic          |  3127 |     0 |     53200 |  5.88 |
|   LUT as Memory         |     0 |     0 |     17400 |  0.00 |
| Slice Registers         |   455 |     0 |    106400 |  0.43 |
|   Register as Flip Flop |   455 |     0 |    106400 |  0.43 |
+-------------------------+-------+-------+-----------+-------+
* Warning! The Final LUT count, after physical optimizations and full implementation, is typically lower.

2. Memory
---------

+-------------------+------+-------+-----------+-------+
|     Site Type     | Used | Fixed | Available | Util% |
+-------------------+------+-------+-----------+-------+
| Block RAM Tile    |  0.5 |     0 |       140 |  0.36 |
|   RAMB36/FIFO*    |    0 |     0 |       140 |  0.00 |
|   RAMB18          |    1 |     0 |       280 |  0.36 |
+-------------------+------+-------+-----------+-------+

3. DSP
------

+-----------+------+-------+-----------+-------+
| Site Type | Used | Fixed | Available | Util% |
+-----------+------+-------+-----------+-------+
| DSPs      |    3 |     0 |       220 |  1.36 |
+-----------+------+-------+-----------+-------+

8. Primitives
-------------

+----------+-------+---------------------+
| Ref Name |  Used | Functional Category |
+----------+-------+---------------------+
| LUT3     |  1666 |                 LUT |
+----------+-------+---------------------+
"""

VIVADO_2024_UTILIZATION = """Copyright 1986-2022 Xilinx, Inc. All Rights Reserved. Copyright 2022-2024 Advanced Micro Devices, Inc. All Rights Reserved.
---------------------------------------------------------------------------------------
| Tool Version : Vivado v.2024.1 (lin64) Build 5076996 Wed May 22 18:36:09 MDT 2024
| Command      : report_utilization -file vivado_utilization.rpt
| Design       : trigger
| Device       : xcvu9p-flga2104-2-e
| Speed File   : -2
| Design State : Routed
---------------------------------------------------------------------------------------

Utilization Design Information

1. CLB Logic
------------

+-------------------------+------+-------+------------+-----------+-------+
|        Site Type        | Used | Fixed | Prohibited | Available | Util% |
+-------------------------+------+-------+------------+-----------+-------+
| CLB LUTs                | 7722 |     0 |          0 |   1182240 |  0.65 |
|   LUT as Logic          | 7722 |     0 |          0 |   1182240 |  0.65 |
|   LUT as Memory         |    0 |     0 |          0 |    591840 |  0.00 |
| CLB Registers           | 4864 |     0 |          0 |   2364480 |  0.21 |
| CARRY8                  |  790 |     0 |          0 |    147780 |  0.53 |
+-------------------------+------+-------+------------+-----------+-------+
* Warning! LUT value is adjusted to account for LUT combining.

2. CLB Logic Distribution
-------------------------

+--------------------------------------------+------+-------+------------+-----------+-------+
|                  Site Type                 | Used | Fixed | Prohibited | Available | Util% |
+--------------------------------------------+------+-------+------------+-----------+-------+
| CLB Registers                              | 4864 |     0 |          0 |   2364480 |  0.21 |
| Unique Control Sets                        |   42 |       |          0 |    295560 | <0.01 |
+--------------------------------------------+------+-------+------------+-----------+-------+

3. BLOCKRAM
-----------

+-------------------+------+-------+------------+-----------+-------+
|     Site Type     | Used | Fixed | Prohibited | Available | Util% |
+-------------------+------+-------+------------+-----------+-------+
| Block RAM Tile    |   12 |     0 |          0 |      2160 |  0.56 |
|   RAMB36/FIFO*    |   10 |     0 |          0 |      2160 |  0.46 |
|     RAMB36E2 only |   10 |       |            |           |       |
| URAM              |    0 |     0 |          0 |       960 |  0.00 |
+-------------------+------+-------+------------+-----------+-------+

4. ARITHMETIC
-------------

+----------------+------+-------+------------+-----------+-------+
|    Site Type   | Used | Fixed | Prohibited | Available | Util% |
+----------------+------+-------+------------+-----------+-------+
| DSPs           |   46 |     0 |          0 |      6840 |  0.67 |
|   DSP48E2 only |   46 |       |            |           |       |
+----------------+------+-------+------------+-----------+-------+

14. SLR CLB Logic and Dedicated Block Utilization
-------------------------------------------------

+----------------------------+------+------+------+--------+--------+--------+
|          Site Type         | SLR0 | SLR1 | SLR2 | SLR0 % | SLR1 % | SLR2 % |
+----------------------------+------+------+------+--------+--------+--------+
| CLB LUTs                   |    0 | 7722 |    0 |   0.00 |   1.96 |   0.00 |
| DSPs                       |    0 |   46 |    0 |   0.00 |   2.02 |   0.00 |
+----------------------------+------+------+------+--------+--------+--------+
"""

TIMING = """Copyright 1986-2021 Xilinx, Inc. All Rights Reserved.
---------------------------------------------------------------------------------------
| Tool Version      : Vivado v.2021.2 (lin64) Build 3367213 Tue Oct 19 02:47:39 MDT 2021
| Command           : report_timing_summary -file vivado_timing.rpt
| Design            : trigger
| Device            : xcvu9p-flga2104
| Speed File        : -2  PRODUCTION 1.27 02-28-2020
---------------------------------------------------------------------------------------

Timing Summary Report

------------------------------------------------------------------------------------------------
| Design Timing Summary
| ---------------------
------------------------------------------------------------------------------------------------

    WNS(ns)      TNS(ns)  TNS Failing Endpoints  TNS Total Endpoints      WHS(ns)      THS(ns)  THS Failing Endpoints  THS Total Endpoints     WPWS(ns)     TPWS(ns)  TPWS Failing Endpoints  TPWS Total Endpoints  
    -------      -------  ---------------------  -------------------      -------      -------  ---------------------  -------------------     --------     --------  ----------------------  --------------------  
      0.521        0.000                      0                 1696        0.057        0.000                      0                 1696        2.225        0.000                       0                  1077  


All user specified timing constraints are met.


------------------------------------------------------------------------------------------------
| Clock Summary
| -------------
------------------------------------------------------------------------------------------------

Clock   Waveform(ns)         Period(ns)      Frequency(MHz)
-----   ------------         ----------      --------------
ap_clk  {0.000 2.500}        5.000           200.000         
"""  # noqa: W291
